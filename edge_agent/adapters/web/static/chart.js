// Charts by uPlot: a band from least to greatest, limits as lines, alerts as marks.

import { text, timeOf } from "./text.js";
import { html, uPlot, useEffect, useRef } from "./vendor.js";

const HEIGHT = 180;
const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const faint = (name) => `color-mix(in srgb, ${colour(name)} 25%, transparent)`;

function marks(lines, moments) {
  const draw = (u, from, to, hue, dash) => {
    u.ctx.save();
    u.ctx.strokeStyle = colour(hue);
    u.ctx.lineWidth = devicePixelRatio;
    u.ctx.setLineDash(dash);
    u.ctx.beginPath();
    u.ctx.moveTo(...from);
    u.ctx.lineTo(...to);
    u.ctx.stroke();
    u.ctx.restore();
  };
  return (u) => {
    const { left, top, width, height } = u.bbox;
    for (const value of lines) {
      const y = u.valToPos(value, "y", true);
      if (y >= top && y <= top + height) draw(u, [left, y], [left + width, y], "critical", [6, 4]);
    }
    for (const { at, hue } of moments) {
      const x = u.valToPos(at, "x", true);
      if (x >= left && x <= left + width) draw(u, [x, top], [x, top + height], hue, [2, 3]);
    }
  };
}

const axis = (extra) => ({ stroke: colour("quiet"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false }, ...extra });

// data: x in seconds, then y (or least, mean, greatest). span: of x. about: what a screen reader says.
export function Chart({ data, span, unit, about, lines = [], moments = [], x = null, banded = false }) {
  const place = useRef();
  useEffect(() => {
    const style = { stroke: colour("accent"), width: 2, points: { show: data[0].length < 40 } };
    const edge = { stroke: "transparent", points: { show: false } };
    const plot = new uPlot(
      {
        width: place.current.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        cursor: { y: false },
        scales: { x: { time: x === null, range: () => span }, y: { range: (_, least, most) => [Math.min(0, least ?? 0), most > 0 ? most * 1.1 : 1] } },
        axes: [axis(x ?? {}), axis({ size: 56, values: (_, values) => values.map((value) => `${value} ${unit}`) })],
        series: banded ? [{}, edge, style, edge] : [{}, style],
        bands: banded ? [{ series: [3, 1], fill: faint("accent") }] : [],
        hooks: { draw: [marks(lines, moments)] },
      },
      data,
      place.current,
    );
    const watch = new ResizeObserver(() => plot.setSize({ width: place.current.clientWidth, height: HEIGHT }));
    watch.observe(place.current);
    return () => {
      watch.disconnect();
      plot.destroy();
    };
  }, [data]);
  return html`<div class="chart" role="img" aria-label=${about} ref=${place}></div>`;
}

const HUES = { CRITICAL: "critical", WARNING: "warning", INFO: "info" };
const seconds = (told) => Date.parse(told) / 1000;

export function Readings({ history, name }) {
  const [title, unit] = text.series[name];
  const { min, mean, max } = history.series[name];
  const known = [...min, ...max].filter((value) => value !== null);
  if (known.length === 0) return null;
  const least = Math.min(...known).toFixed(1);
  const most = Math.max(...known).toFixed(1);
  const moments = history.alerts.map((alert) => ({ at: seconds(alert.raised_at), hue: HUES[alert.severity] }));
  return html`
    <h3>${title}</h3>
    <${Chart} data=${[history.at.map(seconds), min, mean, max]} span=${[history.since, history.until].map(seconds)} unit=${unit} banded
      lines=${history.limits[name] ?? []} moments=${moments} about=${text.charger.chart(title, least, most, unit)} />
    <p class="quiet">${timeOf(history.since)} – ${timeOf(history.until)}: ${least} – ${most} ${unit}</p>
  `;
}

// The probability that it has failed by a day from now.
export function Curve({ horizons }) {
  const [title, unit] = text.series.risk;
  const days = Object.entries(horizons).map(([name, share]) => [parseInt(name, 10), 100 * share]);
  const points = [[0, 0], ...days].sort((one, other) => one[0] - other[0]);
  const data = [points.map(([at]) => at), points.map(([, share]) => share)];
  const said = days.map(([at, share]) => `${share.toFixed(0)} % ${text.charger.within(at)}`).join(", ");
  const x = { values: (_, values) => values.map((value) => `${value} d`), space: 40 };
  return html`<${Chart} data=${data} span=${[0, points.at(-1)[0]]} unit=${unit} x=${x} about=${`${title}: ${said}`} />`;
}
