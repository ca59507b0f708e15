: As synapse.mod, but the weight moves in closed form between crossings of
: the thresholds, which NEURON watches for, so that CVODE meets no jump of a right-hand side.
NEURON {
    POINT_PROCESS Watching
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
ASSIGNED {
    calcium (uM)
    w
    abovep
    aboved
    since (ms)
}
STATE { J (uM/ms) }
INITIAL {
    J = 0
    w = w0
    abovep = 0
    aboved = 0
    since = 0
    net_send(0, 1)
}
BREAKPOINT { SOLVE move METHOD cnexp }
DERIVATIVE move { J' = -J / tauj }
PROCEDURE settle() { LOCAL rate
    rate = etap * abovep + etad * aboved
    if (rate > 0) {
        w = etap * abovep / rate + (w - etap * abovep / rate) * exp(-rate * (t - since))
    }
    since = t
}
NET_RECEIVE(size (uM/ms)) {
    if (flag == 0) {
        J = J + size
    } else if (flag == 1) {
        WATCH (calcium > thetad) 2
        WATCH (calcium < thetad) 3
        WATCH (calcium > thetap) 4
        WATCH (calcium < thetap) 5
    } else {
        settle()
        if (flag == 2) { aboved = 1 }
        if (flag == 3) { aboved = 0 }
        if (flag == 4) { abovep = 1 }
        if (flag == 5) { abovep = 0 }
    }
}
