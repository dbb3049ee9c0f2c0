/**
 * The retained tree of the page: a widget has an element of the page, children, and what it listens to. Events go
 * from the root down to the widget that they are about (capture), and up again (bubble), as in UI Events; but by
 * widgets, so that one may say what happened in its own words. Changes mark a widget as dirty; all dirty ones are
 * drawn once, before the next frame.
 */
interface WidgetEvent<Detail = unknown> {
  readonly type: string;
  readonly target: Widget;
  readonly detail: Detail;
  /** Nobody further hears of it. */
  stop(): void;
  /** What would be done by itself is not. */
  prevent(): void;
  readonly isPrevented: boolean;
}

type Listener = (event: WidgetEvent<never>) => void;

interface Listening {
  readonly type: string;
  readonly listener: Listener;
  readonly isCapture: boolean;
}

/** How a widget takes part in its container's layout, and looks. Lengths are of the page's own size of letters. */
interface Style {
  /** Its part of the room that is left along the container; 0: none. */
  readonly grow?: number;
  readonly gap?: number;
  readonly padding?: number;
  readonly align?: "start" | "center" | "end" | "stretch";
  readonly justify?: "start" | "center" | "end" | "between";
  readonly width?: number;
  readonly height?: number;
  /** Of a grid: how many columns it has. */
  readonly span?: number;
  readonly isScrolling?: boolean;
}

export class Widget<Of extends HTMLElement = HTMLElement> {
  readonly element: Of;
  #parent: Widget | null = null;
  readonly #children: Widget[] = [];
  readonly #listening: Listening[] = [];
  #isDirty = false;

  constructor(element: Of) {
    this.element = element;
  }

  get parent(): Widget | null {
    return this.#parent;
  }

  get children(): readonly Widget[] {
    return this.#children;
  }

  append(...children: readonly Widget[]): this {
    for (const child of children) {
      child.remove();
      child.#parent = this;
      this.#children.push(child);
      this.contentElement.append(child.element);
    }
    return this;
  }

  /** In the place of all that are there. */
  replaceChildren(...children: readonly Widget[]): this {
    for (const child of [...this.#children]) if (!children.includes(child)) child.remove();
    return this.append(...children);
  }

  remove(): void {
    if (this.#parent !== null) {
      const siblings = this.#parent.#children;
      siblings.splice(siblings.indexOf(this), 1);
    }
    this.#parent = null;
    this.element.remove();
  }

  /** Where the elements of children are. */
  protected get contentElement(): HTMLElement {
    return this.element;
  }

  style(style: Style): this {
    const { grow, gap, padding, align, justify, width, height, span, isScrolling } = style;
    const to = this.element.style;
    const em = (length: number | undefined): string => (length === undefined ? "" : `${length}rem`);
    if (grow !== undefined) Object.assign(to, { flex: `${grow} ${grow} 0`, minWidth: "0", minHeight: "0" });
    if (gap !== undefined) to.gap = em(gap);
    if (padding !== undefined) to.padding = em(padding);
    if (align !== undefined) to.alignItems = align === "start" || align === "end" ? `flex-${align}` : align;
    if (justify !== undefined)
      to.justifyContent = { start: "flex-start", center: "center", end: "flex-end", between: "space-between" }[justify];
    if (width !== undefined) to.width = em(width);
    if (height !== undefined) to.height = em(height);
    if (span !== undefined) to.gridColumn = `span ${span}`;
    if (isScrolling === true) to.overflow = "auto";
    return this;
  }

  named(className: string): this {
    this.element.classList.add(...className.split(" "));
    return this;
  }

  /** What those hear who do not see it. */
  labelled(label: string): this {
    this.element.setAttribute("aria-label", label);
    return this;
  }

  on<Detail>(type: string, listener: (event: WidgetEvent<Detail>) => void, isCapture = false): this {
    this.#listening.push({ type, listener: listener as Listener, isCapture });
    return this;
  }

  /** @returns false: somebody has prevented what would follow */
  emit(type: string, detail: unknown = null): boolean {
    let isStopped = false;
    let isPrevented = false;
    const event: WidgetEvent = {
      type,
      target: this,
      detail,
      stop: () => void (isStopped = true),
      prevent: () => void (isPrevented = true),
      get isPrevented() {
        return isPrevented;
      },
    };
    const path: Widget[] = [];
    for (let at: Widget | null = this; at !== null; at = at.#parent) path.push(at);
    const tell = (widget: Widget, isCapture: boolean): void => {
      for (const each of [...widget.#listening])
        if (!isStopped && each.type === type && each.isCapture === isCapture)
          each.listener(event as WidgetEvent<never>);
    };
    for (const widget of [...path].reverse()) tell(widget, true);
    for (const widget of path) tell(widget, false);
    return !isPrevented;
  }

  /** `draw` is called before the next frame, once. */
  invalidate(): void {
    if (this.#isDirty) return;
    this.#isDirty = true;
    dirty.push(() => {
      this.#isDirty = false;
      this.draw();
    });
    if (dirty.length === 1) requestAnimationFrame(drawDirty);
  }

  /** Brings the element to what the widget's state says. */
  protected draw(): void {}
}

const dirty: (() => void)[] = [];

function drawDirty(): void {
  for (const draw of dirty.splice(0)) draw();
}
