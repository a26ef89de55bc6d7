export { render } from "preact";
export { useEffect, useMemo, useReducer, useRef, useState } from "preact/hooks";
export { html } from "htm/preact";
export { default as uPlot } from "uplot";
