: Removal of calcium along the branch.
NEURON {
    SUFFIX removal
    USEION x WRITE xd
    RANGE tau
}
PARAMETER { tau = 1e9 }
BREAKPOINT {
    SOLVE decay METHOD cnexp
}
DERIVATIVE decay {
    xd' = -xd/tau
}
