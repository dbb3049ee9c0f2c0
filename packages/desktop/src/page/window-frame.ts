/** A window on the page: title, buttons, edges to pull; within it widgets of an application or a program's picture. */
import { EDGE, type Rectangle } from "../arrange/place.ts";
import { focusNear } from "./front.ts";
import { create, Menu } from "./widgets/containers.ts";
import { say } from "./words.ts";

export type FrameAct = "close" | "minimize" | "maximize" | "menu";

export interface FrameOwner {
  act(id: string, act: FrameAct, at?: { readonly x: number; readonly y: number }): void;
  focus(id: string): void;
  /** @param edges  0: it is moved */
  beginDrag(id: string, edges: number, event: PointerEvent): void;
}

const EDGES: Readonly<Record<string, number>> = {
  n: EDGE.top,
  s: EDGE.bottom,
  w: EDGE.left,
  e: EDGE.right,
  nw: EDGE.top | EDGE.left,
  ne: EDGE.top | EDGE.right,
  sw: EDGE.bottom | EDGE.left,
  se: EDGE.bottom | EDGE.right,
};

export class WindowFrame {
  readonly id: string;
  readonly element = create("section", "window");
  readonly content = create("div", "content");
  readonly #title = create("h2");
  readonly #bar = create("header", "title-bar");
  readonly #maximize: HTMLButtonElement;

  constructor(id: string, owner: FrameOwner) {
    this.id = id;
    this.element.dataset["window"] = id;
    this.element.tabIndex = -1;
    const button = (act: FrameAct): HTMLButtonElement => {
      const made = create("button", `window-button ${act}`);
      made.type = "button";
      made.addEventListener("click", () => owner.act(id, act));
      return made;
    };
    const minimize = button("minimize");
    minimize.setAttribute("aria-label", say("minimize"));
    this.#maximize = button("maximize");
    const close = button("close");
    close.setAttribute("aria-label", say("close"));
    this.#bar.append(this.#title, minimize, this.#maximize, close);
    this.#bar.addEventListener("pointerdown", (event) => {
      if (event.button === 0 && !(event.target instanceof HTMLButtonElement)) owner.beginDrag(id, 0, event);
    });
    this.#bar.addEventListener("dblclick", (event) => {
      if (!(event.target instanceof HTMLButtonElement)) owner.act(id, "maximize");
    });
    this.#bar.addEventListener("contextmenu", (event) => {
      event.preventDefault();
      owner.act(id, "menu", { x: event.clientX, y: event.clientY });
    });
    this.element.append(this.#bar, this.content);
    for (const [name, edges] of Object.entries(EDGES)) {
      const edge = create("div", `edge ${name}`);
      edge.addEventListener("pointerdown", (event) => owner.beginDrag(id, edges, event));
      this.element.append(edge);
    }
    this.element.addEventListener("pointerdown", () => owner.focus(id), { capture: true });
    this.element.addEventListener("focusin", () => owner.focus(id));
  }

  /** Its program draws its own. */
  set hasBar(hasBar: boolean) {
    this.#bar.hidden = !hasBar;
    this.element.classList.toggle("bare", !hasBar);
  }

  /** Of the bar, in pixels. */
  get barHeight(): number {
    return this.#bar.hidden ? 0 : this.#bar.offsetHeight;
  }

  get isShown(): boolean {
    return !this.element.hidden;
  }

  update(state: {
    readonly title: string;
    readonly place: Rectangle;
    readonly isShown: boolean;
    readonly isActive: boolean;
    readonly placement: string;
    readonly order: number;
  }): void {
    const { title, place, isShown, isActive, placement, order } = state;
    if (this.#title.textContent !== title) this.#title.textContent = title;
    this.element.setAttribute("aria-label", title);
    this.element.hidden = !isShown;
    this.element.classList.toggle("active", isActive);
    this.element.dataset["placement"] = placement;
    this.#maximize.setAttribute("aria-label", say(placement === "free" ? "maximize" : "restore"));
    const { style } = this.element;
    style.left = `${place.x}px`;
    style.top = `${place.y}px`;
    style.width = `${place.width}px`;
    style.height = `${place.height}px`;
    style.zIndex = String(10 + order);
  }

  openMenu(items: ConstructorParameters<typeof Menu>[1], at?: { x: number; y: number }): void {
    const { left, top } = this.element.getBoundingClientRect();
    const place = at ?? { x: left, y: top + this.barHeight };
    new Menu(say("windowMenu", this.#title.textContent), items).open(this.element.ownerDocument.body, place);
  }

  remove(): void {
    this.element.remove();
  }

  /** The window itself, where nothing in it asks for the keyboard. */
  focus(): void {
    if (!this.element.contains(focusNear(this.element))) this.element.focus({ preventScroll: true });
  }
}
