: A spine head on a branch whose calcium is the diffusive concentration xd. Defaults do nothing:
: see padding_lanes.py.
NEURON {
    POINT_PROCESS spine
    USEION x WRITE xd
    RANGE kd, ks, intospine, intoshaft, tau, tauj, thetap, thetad, etap, etad, w0, peak
}
PARAMETER {
    kd = 0
    ks = 0
    intospine = 0
    intoshaft = 0
    tau = 1e9
    tauj = 1e9
    thetap = 1e9
    thetad = 1e9
    etap = 0
    etad = 0
    w0 = 0
}
ASSIGNED { peak }
STATE { cs J w }
INITIAL {
    cs = 0
    J = 0
    w = w0
    peak = 0
}
BREAKPOINT {
    SOLVE exchange METHOD sparse
    SOLVE move METHOD cnexp
    if (cs > peak) {
        peak = cs
    }
}
DERIVATIVE exchange {
    xd' = intoshaft*cs - kd*xd
    cs' = J - (ks + 1/tau)*cs + intospine*xd
    J' = -J/tauj
}
DERIVATIVE move {
    LOCAL p, d
    if (cs > thetap) {
        p = etap
    } else {
        p = 0
    }
    if (cs > thetad) {
        d = etad
    } else {
        d = 0
    }
    w' = p - (p + d + 1e-12)*w
}
NET_RECEIVE(weight) {
    J = J + weight
}
