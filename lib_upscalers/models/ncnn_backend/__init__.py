"""Hand convolutional networks over to ncnn, whose Winograd convolutions compute the same sooner.

`recording` lists what a network does, `layers` states it in ncnn's terms, `modules` runs it.
ncnn: BSD-3-Clause, https://github.com/Tencent/ncnn, an optional package.
"""
