: The influx of one spine, and its weight.
NEURON {
    POINT_PROCESS Synapse
    POINTER calcium
    RANGE J, w
}
UNITS { (uM) = (micro/liter) }
PARAMETER {
    tauj = 5 (ms)
    thetap = 0.12 (uM)
    thetad = 0.009 (uM)
    etap = 0.01 (/ms)
    etad = 0.003 (/ms)
    w0 = 0.5
}
ASSIGNED { calcium (uM) }
STATE {
    J (uM/ms)
    w
}
INITIAL {
    J = 0
    w = w0
}
BREAKPOINT { SOLVE move METHOD cnexp }
DERIVATIVE move {
    J' = -J / tauj
    : the small rate keeps the closed form of cnexp from 0 / 0 below both thresholds
    w' = etap * above(calcium, thetap) * (1 - w) - (etad * above(calcium, thetad) + 1e-12) * w
}
FUNCTION above(c (uM), theta (uM)) {
    if (c >= theta) { above = 1 } else { above = 0 }
}
NET_RECEIVE(size (uM/ms)) { J = J + size }
