"""The programs compared. Each module has a class `Peer`:

versions()              what is used, by name
prepare(problem, rung)  build one problem at one setting; not counted as running
run()                   one run of it: peaks and final weights of the spines
"""
