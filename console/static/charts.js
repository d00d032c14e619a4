// Draws the charts of a page with uPlot: colours from the style sheet, values read out at the cursor.
"use strict";
(() => {
  const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", timeZone: "UTC" });
  const NUMBER = new Intl.NumberFormat("en-GB", { maximumFractionDigits: 1 });
  const clock = (seconds) => CLOCK.format(new Date(seconds * 1000));
  const charts = new Map();

  function colours() {
    const style = getComputedStyle(document.documentElement);
    const named = (name) => style.getPropertyValue(name).trim();
    return {
      seen: named("--chart-seen"), beyond: named("--chart-beyond"), usual: named("--chart-usual"),
      band: named("--chart-band"), grid: named("--line"), text: named("--muted"), font: named("--font"),
    };
  }

  function drawn(series, paint) {
    const bars = uPlot.paths.bars({ size: [0.62, 28], align: 1 });
    const styles = {
      seen: { stroke: paint.seen, fill: paint.seen, paths: bars, points: { show: false } },
      beyond: { stroke: paint.beyond, fill: paint.beyond, paths: bars, points: { show: false } },
      usual: { stroke: paint.usual, width: 1.75, points: { show: false } },
      low: { stroke: "transparent", points: { show: false } },
      high: { stroke: "transparent", points: { show: false } },
    };
    return { label: series.name, scale: series.scale || "y", ...styles[series.style] };
  }

  function options(box, data, paint, say) {
    const axis = { stroke: paint.text, grid: { stroke: paint.grid, width: 1 }, ticks: { show: false },
      font: "12px " + paint.font };
    const at = (style) => 1 + data.series.findIndex((s) => s.style === style);
    return {
      width: box.clientWidth, height: Number(box.dataset.height) || 220, legend: { show: false },
      tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), "Etc/UTC"),
      padding: [8, 24, 0, 0],
      scales: {
        y: { range: (_, low, high) => [0, Math.max(high * 1.08, 1)] },
        count: { range: (_, low, high) => [0, Math.max(high * 3, 4)] },
      },
      series: [{}, ...data.series.map((s) => drawn(s, paint))],
      bands: at("high") ? [{ series: [at("high"), at("low")], fill: paint.band }] : [],
      axes: [
        { ...axis, grid: { show: false }, size: 28, space: 64, values: (_, ticks) => ticks.map(clock) },
        { ...axis, size: 48, space: 36, values: (_, ticks) => ticks.map((t) => NUMBER.format(t)) },
      ],
      cursor: { y: false, points: { show: false }, drag: { x: false, y: false } },
      hooks: { setCursor: [(chart) => say(chart.cursor.idx)] },
    };
  }

  function sayer(box, data) {
    const line = box.parentElement.querySelector(".readout");
    const resting = line.textContent;
    return (index) => {
      if (index === null || index === undefined) { line.textContent = resting; return; }
      const values = data.series.filter((s) => s.values[index] !== null)
        .map((s) => `${s.name} ${NUMBER.format(s.values[index])}`);
      line.textContent = `${clock(data.at[index])} UTC: ${values.join(", ") || "nothing is kept"}`;
    };
  }

  // A bar of no height is not drawn.
  const plotted = (s) => (s.style === "seen" ? s.values.map((value) => value || null) : s.values);

  function draw(box) {
    const data = JSON.parse(box.dataset.points);
    if (!data.at.length) return;
    charts.get(box)?.destroy();
    const chart = new uPlot(options(box, data, colours(), sayer(box, data)),
      [data.at, ...data.series.map(plotted)], box);
    charts.set(box, chart);
  }

  // Arrow keys move the cursor of the chart that has the focus.
  function move(event) {
    const box = event.target.closest?.("[data-points]");
    const chart = box && charts.get(box);
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!chart || !step) return;
    event.preventDefault();
    const last = chart.data[0].length - 1;
    const from = chart.cursor.idx ?? (step > 0 ? -1 : last + 1);
    const to = Math.min(Math.max(from + step, 0), last);
    chart.setCursor({ left: chart.valToPos(chart.data[0][to], "x"), top: 8 });
  }

  function drawAll() {
    for (const box of charts.keys()) if (!box.isConnected) { charts.get(box).destroy(); charts.delete(box); }
    document.querySelectorAll("[data-points]").forEach(draw);
  }

  const sizes = new ResizeObserver((entries) => {
    for (const { target } of entries) {
      const chart = charts.get(target);
      if (chart && target.clientWidth && chart.width !== target.clientWidth) {
        chart.setSize({ width: target.clientWidth, height: chart.height });
      }
    }
  });
  function watch() {
    drawAll();
    document.querySelectorAll("[data-points]").forEach((box) => sizes.observe(box));
  }

  document.addEventListener("keydown", move);
  document.addEventListener("htmx:afterSettle", watch);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", drawAll);
  watch();
})();
