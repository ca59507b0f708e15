"""Draw the picture of the README and the card of shared links anew: python tools/picture.py."""

from pathlib import Path

import matplotlib.pyplot as plt

from heterolib import plots, studies

ROOT = Path(__file__).resolve().parent.parent
TARGET = ROOT / "chapters" / "images" / "two-spines.png"
CARD = ROOT / "_static" / "card.png"
CARD_PIXELS = (1200, 630)  # what sites that show cards ask for
CARD_DPI = 100


def readme() -> None:
    result = studies.two_spines("A")
    fig, (top, bottom) = plots.figure(2, 2.2, sharex=True)
    plots.calcium(top, result, log=True)
    top.set_xlabel("")
    top.legend(loc="lower left", bbox_to_anchor=(0.0, 1.02), ncols=2)
    plots.weights(bottom, result)
    TARGET.parent.mkdir(exist_ok=True)
    fig.savefig(TARGET, dpi=140, metadata={"Software": None})
    plt.close(fig)


def card() -> None:
    result = studies.two_spines("A")
    with plt.rc_context({**plots.STYLE, "font.size": 16, "axes.labelsize": 16}):
        size = [pixels / CARD_DPI for pixels in CARD_PIXELS]
        fig, (words, panel) = plt.subplots(1, 2, figsize=size, width_ratios=(1.0, 1.1))
        words.axis("off")
        words.text(0.05, 0.72, "Calcium,\ndendrites\nand learning", fontsize=38, va="center")
        words.text(0.05, 0.28, "an interactive textbook", fontsize=20, va="center")
        plots.weights(panel, result)
        fig.savefig(CARD, dpi=CARD_DPI, metadata={"Software": None})
        plt.close(fig)


if __name__ == "__main__":
    readme()
    card()
