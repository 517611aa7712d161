// The pages' one script. Pages work without it; it draws the charts and sends
// the filters as soon as one changes. Charts stand in the page as JSON, made by
// the program: option, what a tooltip says, where a click leads.
"use strict";
(() => {
  const root = document.documentElement;
  root.classList.add("js");

  for (const form of document.querySelectorAll("form[data-auto]")) {
    form.addEventListener("change", () => form.requestSubmit());
    // Fields without a choice stay out of the address.
    form.addEventListener("submit", () => {
      for (const field of form.elements) {
        if (field.name && field.value === "") field.disabled = true;
      }
    });
  }
  // A page that comes back from the history has its fields again.
  window.addEventListener("pageshow", () => {
    for (const field of document.querySelectorAll("form[data-auto] :disabled")) field.disabled = false;
  });

  // The colours of an option are those of the light; each has a name in the
  // style sheet, whose value follows the reader's light or dark.
  const names = {
    "#1a66b3": "--imp", "#c25700": "--con", "#7a8794": "--com", "#17212b": "--ink",
    "#5d6b7a": "--dim", "#e3e7ec": "--line", "#ffffff": "--panel",
  };
  const coloured = (value) => {
    if (typeof value === "string") {
      const name = names[value];
      return name ? getComputedStyle(root).getPropertyValue(name).trim() || value : value;
    }
    if (Array.isArray(value)) return value.map(coloured);
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, coloured(v)]));
    }
    return value;
  };

  const draw = (script) => {
    const box = script.previousElementSibling;
    const source = JSON.parse(script.textContent);
    box.style.height = source.height + "px";
    const chart = echarts.init(box, null, { renderer: "canvas" });
    const at = (table, p) => (p.componentType === "series" && table[p.seriesIndex] && table[p.seriesIndex][p.dataIndex]) || "";
    const set = () => {
      const option = coloured(source.option);
      option.tooltip.formatter = (p) => at(source.texts, p) || p.name;
      if (box.clientWidth < 480) { // names get less room on a narrow screen
        for (const axis of option.yAxis) if (axis.axisLabel.width) axis.axisLabel.width = 92;
      }
      chart.setOption(option, true);
    };
    set();
    chart.on("click", (p) => {
      const href = at(source.links, p);
      if (href) location.assign(href);
    });
    new ResizeObserver(() => chart.resize()).observe(box);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", set);
  };

  // A canvas does not draw its text again when a typeface arrives late.
  const scripts = [...document.querySelectorAll("script[data-chart]")];
  if (scripts.length > 0) {
    const text = scripts.map((s) => s.textContent).join("");
    document.fonts.load('12px "Noto Sans SC Variable"', text).catch(() => []).then(() => scripts.forEach(draw));
  }
})();
