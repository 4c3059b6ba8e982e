"""Read network files that contain a graph of operators and no state dict: ncnn and ONNX.

No such file is run. Its weights are read back into the architecture that it was exported from, and
the graph and the architecture are compared on a small probe before the network is used.
"""
