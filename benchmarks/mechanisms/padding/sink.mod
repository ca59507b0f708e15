: Takes calcium away at rate k (1/ms). Every instance below sets k = 0.
NEURON {
    POINT_PROCESS sink
    USEION x WRITE xd
    RANGE k
}
PARAMETER { k = 0.5 }
BREAKPOINT {
    SOLVE move METHOD cnexp
}
DERIVATIVE move {
    xd' = -k*xd
}
