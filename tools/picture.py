"""Draw the picture of the README anew: python tools/picture.py."""

from pathlib import Path

from heterolib import plots, studies

TARGET = Path(__file__).resolve().parent.parent / "chapters" / "images" / "two-spines.png"


def main() -> None:
    result = studies.two_spines("A")
    fig, (top, bottom) = plots.figure(2, 2.2, sharex=True)
    plots.calcium(top, result, log=True)
    top.set_xlabel("")
    top.legend(loc="lower left", bbox_to_anchor=(0.0, 1.02), ncols=2)
    plots.weights(bottom, result)
    TARGET.parent.mkdir(exist_ok=True)
    fig.savefig(TARGET, dpi=140, metadata={"Software": None})


if __name__ == "__main__":
    main()
