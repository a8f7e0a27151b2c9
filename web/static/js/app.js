// Everything the page of a chat does beyond htmx. Loaded before htmx: its events must find their listeners.
import "./artifact_figure.js";
import "./artifact_table.js";
import "./artifact_frame.js";
import "./elapsed.js";
import "./morphing.js";
import "./copying.js";
import "./log.js";
import "./once.js";
import "./scrolling.js";
import "./state.js";
import "./connection.js";
import "./notices.js";
import "./composer.js";
import "./drawer.js";
import "./history.js";
import "./leaving.js";
import "./connect.js";
