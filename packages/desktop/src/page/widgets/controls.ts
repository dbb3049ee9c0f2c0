/** Widgets that a person reads, presses and types into. Each tells by events: `press`, `change`, `open`. */
import { create } from "./containers.ts";
import { Widget } from "./widget.ts";

export class Label extends Widget {
  constructor(text: string, tag: "span" | "p" | "h2" | "h3" | "strong" = "span") {
    super(create(tag));
    this.text = text;
  }

  set text(text: string) {
    if (this.element.textContent !== text) this.element.textContent = text;
  }
}

export class Button extends Widget<HTMLButtonElement> {
  constructor(text: string, onPress: () => void = () => {}) {
    super(create("button"));
    this.element.type = "button";
    this.element.textContent = text;
    this.element.addEventListener("click", () => void this.emit("press"));
    this.on("press", onPress);
  }

  set isEnabled(isEnabled: boolean) {
    this.element.disabled = !isEnabled;
  }
}

/** What is between a control and its words. */
abstract class Field<Of extends HTMLElement> extends Widget<HTMLLabelElement> {
  readonly control: Of;

  constructor(text: string, control: Of) {
    super(create("label", "field"));
    const words = create("span");
    words.textContent = text;
    this.control = control;
    this.element.append(words, control);
  }
}

export class TextField extends Field<HTMLInputElement> {
  constructor(text: string, value = "", type: "text" | "password" | "search" = "text") {
    super(text, create("input"));
    Object.assign(this.control, { type, value, spellcheck: false, autocomplete: "off" });
    this.control.addEventListener("input", () => void this.emit("change", this.value));
    this.control.addEventListener("keydown", ({ key }) => {
      if (key === "Enter") this.emit("enter", this.value);
    });
  }

  get value(): string {
    return this.control.value;
  }

  set value(value: string) {
    this.control.value = value;
  }
}

export class Choice extends Field<HTMLSelectElement> {
  constructor(text: string, options: readonly (readonly [value: string, text: string])[], value: string) {
    super(text, create("select"));
    this.control.append(...options.map(([each, words]) => new Option(words, each)));
    this.control.value = value;
    this.control.addEventListener("change", () => void this.emit("change", this.control.value));
  }
}

export class Switch extends Field<HTMLInputElement> {
  constructor(text: string, isOn: boolean) {
    super(text, create("input", "switch"));
    this.control.type = "checkbox";
    this.control.setAttribute("role", "switch");
    this.control.checked = isOn;
    this.control.addEventListener("change", () => void this.emit("change", this.control.checked));
  }
}

export class Slider extends Field<HTMLInputElement> {
  constructor(text: string, range: { readonly min: number; readonly max: number; readonly value: number }) {
    super(text, create("input"));
    this.control.type = "range";
    for (const [name, value] of Object.entries(range)) this.control.setAttribute(name, String(value));
    this.control.addEventListener("input", () => void this.emit("change", Number(this.control.value)));
  }
}

/** How much of something there is. */
export class Meter extends Widget<HTMLProgressElement> {
  constructor(label: string) {
    super(create("progress"));
    this.labelled(label);
    this.element.max = 1;
    this.value = 0;
  }

  set value(part: number) {
    this.element.value = Math.max(0, Math.min(1, part));
  }
}

/** A line of what was measured, the newest at the right; its last value is told in words, too. */
export class Chart extends Widget {
  readonly #values: number[] = [];
  readonly #count: number;
  readonly #path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  readonly #fill = document.createElementNS("http://www.w3.org/2000/svg", "path");
  readonly #words = create("figcaption");
  readonly #label: string;

  /** @param count  values that are shown */
  constructor(label: string, count = 60) {
    super(create("figure", "chart"));
    this.#label = label;
    this.#count = count;
    const picture = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    picture.setAttribute("viewBox", `0 0 ${count - 1} 100`);
    picture.setAttribute("preserveAspectRatio", "none");
    picture.setAttribute("aria-hidden", "true");
    this.#fill.setAttribute("class", "fill");
    picture.append(this.#fill, this.#path);
    this.element.append(this.#words, picture);
    this.#words.textContent = label;
  }

  /** @param part  0 to 1 @param words  for people */
  add(part: number, words: string): void {
    this.#values.push(Math.max(0, Math.min(1, part)));
    if (this.#values.length > this.#count) this.#values.shift();
    this.#words.textContent = `${this.#label}: ${words}`;
    this.invalidate();
  }

  protected override draw(): void {
    const from = this.#count - this.#values.length;
    const points = this.#values.map((value, index) => `${from + index} ${(100 - 98 * value).toFixed(1)}`);
    if (points.length === 0) return;
    this.#path.setAttribute("d", `M${points.join("L")}`);
    this.#fill.setAttribute("d", `M${from} 100L${points.join("L")}L${this.#count - 1} 100Z`);
  }
}
