// WebUIs load this; what it does lies with the rest of the viewer, which the app ships, too.

import "../lib_upscalers/compare/viewer/loader.mjs";
