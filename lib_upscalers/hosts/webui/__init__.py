"""Attach the library to WebUIs of AUTOMATIC1111's family: lists, Hires. fix, img2img, Extras, API.

Scripts call `start`; everything here changes the WebUI reversibly, and more than once without harm.
"""
