/** Widgets that lay others out in a row, a column or a grid (CSS Flexible Box, CSS Grid), or come over all. */
import { focusNear } from "../front.ts";
import { Widget } from "./widget.ts";

export function create<Tag extends keyof HTMLElementTagNameMap>(tag: Tag, className = ""): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  if (className !== "") made.className = className;
  return made;
}

export class Box extends Widget {
  constructor(direction: "row" | "column", children: readonly Widget[] = [], tag: "div" | "section" | "nav" = "div") {
    super(create(tag, `box ${direction}`));
    this.append(...children);
  }
}

export function row(...children: readonly Widget[]): Box {
  return new Box("row", children);
}

export function column(...children: readonly Widget[]): Box {
  return new Box("column", children);
}

export class Grid extends Widget {
  /** @param columns  how many of equal width; or CSS's own words for them */
  constructor(columns: number | string, children: readonly Widget[] = []) {
    super(create("div", "grid"));
    this.element.style.gridTemplateColumns = typeof columns === "number" ? `repeat(${columns}, 1fr)` : columns;
    this.append(...children);
  }
}

/** Asks or tells, over everything. The browser gives the keyboard back where it was, before `close` returns. */
export class Dialog extends Widget<HTMLDialogElement> {
  constructor(title: string, children: readonly Widget[]) {
    const element = create("dialog", "dialog");
    super(element);
    const heading = create("h2");
    heading.textContent = title;
    element.setAttribute("aria-label", title);
    element.append(heading);
    this.append(...children);
    element.addEventListener("close", () => {
      this.emit("closed");
      element.remove();
    });
    // What is typed in it is not the desktop's.
    element.addEventListener("keydown", (event) => event.stopPropagation());
  }

  open(over: HTMLElement): this {
    over.append(this.element);
    this.element.showModal();
    return this;
  }

  close(): void {
    this.element.close();
  }
}

export interface MenuItem {
  readonly text: string;
  readonly isChecked?: boolean;
  readonly isEnabled?: boolean;
  readonly act: () => void;
}

/** Of commands: arrows go round, Escape and a press beside it close it (ARIA Authoring Practices, Menu). */
export class Menu extends Widget {
  #before: Element | null = null;

  constructor(label: string, items: readonly (MenuItem | "line")[]) {
    super(create("div", "menu"));
    this.element.setAttribute("role", "menu");
    this.labelled(label);
    for (const item of items) this.element.append(item === "line" ? line() : this.#item(item));
    this.element.addEventListener("keydown", (event) => this.#key(event));
    this.element.addEventListener("focusout", ({ relatedTarget }) => {
      if (!this.element.contains(relatedTarget as Node | null)) this.#close(false);
    });
  }

  #item({ text, isChecked, isEnabled = true, act }: MenuItem): HTMLElement {
    const made = create("button");
    made.type = "button";
    made.textContent = text;
    made.tabIndex = -1;
    made.setAttribute("role", isChecked === undefined ? "menuitem" : "menuitemcheckbox");
    if (isChecked !== undefined) made.setAttribute("aria-checked", String(isChecked));
    made.disabled = !isEnabled;
    made.addEventListener("click", () => {
      this.#close(true);
      act();
    });
    return made;
  }

  get #items(): HTMLButtonElement[] {
    return [...this.element.querySelectorAll("button")].filter(({ disabled }) => !disabled);
  }

  #key(event: KeyboardEvent): void {
    const items = this.#items;
    const at = items.indexOf(focusNear(this.element) as HTMLButtonElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: items.length - 1 }[event.key];
    if (to !== undefined) items.at(to % items.length)?.focus();
    else if (event.key === "Escape" || event.key === "Tab") this.#close(true);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  #isOpen = false;

  /** @param at  in pixels of the page; it is moved so that all of it is seen */
  open(over: HTMLElement, at: { readonly x: number; readonly y: number }): this {
    this.#before = focusNear(over);
    over.append(this.element);
    this.#isOpen = true;
    const { innerWidth, innerHeight } = over.ownerDocument.defaultView ?? window;
    const { width, height } = this.element.getBoundingClientRect();
    this.element.style.left = `${Math.max(0, Math.min(at.x, innerWidth - width))}px`;
    this.element.style.top = `${Math.max(0, Math.min(at.y, innerHeight - height))}px`;
    this.#items[0]?.focus();
    return this;
  }

  #close(givesBack: boolean): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    if (givesBack && this.#before instanceof HTMLElement) this.#before.focus();
    this.element.remove();
    this.emit("closed");
  }
}

function line(): HTMLElement {
  const made = create("div", "line");
  made.setAttribute("role", "separator");
  return made;
}
