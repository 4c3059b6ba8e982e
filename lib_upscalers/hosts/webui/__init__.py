"""The seams to the AUTOMATIC1111 family of WebUIs: lists, Hires. fix, img2img, Extras, API.

Scripts call `start`; everything here changes the WebUI reversibly, and more than once without harm.
"""
