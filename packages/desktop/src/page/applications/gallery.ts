/** Every widget of the library, to be seen and tried; what they tell stands below. */
import { front } from "../front.ts";
import { column, Dialog, Grid, Menu, row } from "../widgets/containers.ts";
import { Button, Chart, Choice, Label, Meter, Slider, Switch, TextField } from "../widgets/controls.ts";
import { Table } from "../widgets/table.ts";
import { Widget } from "../widgets/widget.ts";
import { say } from "../words.ts";
import type { OpenedApplication } from "./application.ts";

/** A widget of one's own: how often it was pressed. */
class Counter extends Widget<HTMLButtonElement> {
  #count = 0;

  constructor() {
    super(document.createElement("button"));
    this.element.type = "button";
    this.element.addEventListener("click", () => {
      this.#count++;
      this.emit("change", this.#count);
      this.invalidate();
    });
    this.invalidate();
  }

  protected override draw(): void {
    this.element.textContent = `Counter: ${this.#count}`;
  }
}

export function openGallery(): OpenedApplication {
  const told = new Label("–").named("status-text");
  told.element.setAttribute("role", "status");
  const meter = new Meter("Meter").style({ grow: 1 });
  meter.value = 0.4;
  const chart = new Chart("Chart", 20);
  for (let at = 0; at < 20; at++) chart.add(0.5 + 0.4 * Math.sin(at / 2), String(at));
  const first = new Button("Button");
  const menu = new Button("Menu", () => {
    const { left, bottom } = menu.element.getBoundingClientRect();
    const items = ["One", "Two", "Three"].map((text) => ({ text, act: () => void menu.emit("change", text) }));
    new Menu("Menu", items).open(front(), { x: left, y: bottom });
  });
  const dialog = new Button("Dialog", () => {
    const close = new Button(say("ok"), () => shown.close());
    const shown = new Dialog("Dialog", [new Label("A dialog keeps the keyboard until it is closed.", "p"), close]);
    shown.open(front());
  });
  const table = new Table<{ readonly name: string; readonly count: number }>(
    "Table",
    [
      { title: "Name", text: ({ name }) => name, order: (one, other) => one.name.localeCompare(other.name) },
      {
        title: "Count",
        text: ({ count }) => String(count),
        isNumber: true,
        order: (one, other) => one.count - other.count,
      },
    ],
    ({ name }) => name,
  );
  table.rows = [
    { name: "alpha", count: 3 },
    { name: "beta", count: 1 },
    { name: "gamma", count: 2 },
  ];
  const root = column(
    row(
      first,
      new Button("Primary").named("primary"),
      new Button("Danger").named("danger"),
      menu,
      dialog,
      new Counter(),
    ).named("toolbar"),
    new Grid(2, [
      new TextField("TextField", "text"),
      new Choice(
        "Choice",
        [
          ["1", "One"],
          ["2", "Two"],
        ],
        "1",
      ),
      new Switch("Switch", true),
      new Slider("Slider", { min: 0, max: 100, value: 40 }).on<number>(
        "change",
        ({ detail }) => void (meter.value = detail / 100),
      ),
      row(new Label("Meter"), meter).style({ gap: 0.5, align: "center" }),
      chart,
    ]).style({ gap: 1, padding: 1 }),
    table,
    told,
  ).named("application gallery");
  // What any of them tells comes by here.
  for (const type of ["press", "change", "choose", "open"])
    root.on(type, ({ target, detail }) => {
      const name = target.element.getAttribute("aria-label") ?? target.element.textContent;
      told.text = `${name}: ${type}${detail === null ? "" : ` ${JSON.stringify(detail)}`}`;
    });
  return {
    title: say("widgets"),
    size: { width: 640, height: 560 },
    root,
    argument: null,
    focus: () => first.element.focus(),
  };
}
