: Sodium and potassium channels of Traub & Miles (1991), as heterolib.neocortex has them.
NEURON {
    SUFFIX traub
    USEION na READ ena WRITE ina
    USEION k READ ek WRITE ik
    RANGE gna, gk
    THREADSAFE
}
UNITS { (S) = (siemens) (mV) = (millivolt) (mA) = (milliamp) }
PARAMETER { gna = 0 (S/cm2)  gk = 0 (S/cm2)  vt = -58 (mV) }
ASSIGNED { v (mV)  ena (mV)  ek (mV)  ina (mA/cm2)  ik (mA/cm2)  am bm ah bh an bn }
STATE { m h n }
INITIAL {
    rates(v)
    m = am / (am + bm)
    h = ah / (ah + bh)
    n = an / (an + bn)
}
BREAKPOINT {
    SOLVE gates METHOD cnexp
    ina = gna * m * m * m * h * (v - ena)
    ik = gk * n * n * n * n * (v - ek)
}
DERIVATIVE gates {
    rates(v)
    m' = am * (1 - m) - bm * m
    h' = ah * (1 - h) - bh * h
    n' = an * (1 - n) - bn * n
}
PROCEDURE rates(v (mV)) { LOCAL u
    u = v - vt
    am = 0.32 * linoid(13 - u, 4)
    bm = 0.28 * linoid(u - 40, 5)
    ah = 0.128 * exp((17 - u) / 18)
    bh = 4 / (1 + exp((40 - u) / 5))
    an = 0.032 * linoid(15 - u, 5)
    bn = 0.5 * exp((10 - u) / 40)
}
FUNCTION linoid(x, k) {
    if (fabs(x / k) < 1e-6) { linoid = k - x / 2 } else { linoid = x / (exp(x / k) - 1) }
}
