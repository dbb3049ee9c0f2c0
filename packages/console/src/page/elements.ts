/** Elements of the page, made in one expression. Text is text: nothing that comes from a volume is read as HTML. */
type Child = Node | string | null;

interface Settings {
  readonly id?: string;
  readonly className?: string;
  readonly label?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

export function element<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  settings: Settings = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const made = document.createElement(tag);
  const { id, className, label, attributes } = settings;
  if (id !== undefined) made.id = id;
  if (className !== undefined) made.className = className;
  if (label !== undefined) made.setAttribute("aria-label", label);
  for (const [name, value] of Object.entries(attributes ?? {})) made.setAttribute(name, value);
  made.append(...children.filter((child) => child !== null));
  return made;
}

export function row(...children: readonly Child[]): HTMLElement {
  return element("div", { className: "row" }, ...children);
}

/** @param heads  of the columns; an empty one is of buttons */
export function table(
  caption: string,
  heads: readonly string[],
  rows: readonly (readonly (Child | readonly Child[])[])[],
): HTMLElement {
  const cells = (parts: readonly (Child | readonly Child[])[]): HTMLElement[] =>
    parts.map((part) => element("td", {}, ...(Array.isArray(part) ? (part as Child[]) : [part as Child])));
  return element(
    "table",
    { label: caption },
    element("thead", {}, element("tr", {}, ...heads.map((head) => element(head === "" ? "td" : "th", {}, head)))),
    element("tbody", {}, ...rows.map((parts) => element("tr", {}, ...cells(parts)))),
  );
}

export function labelled(text: string, input: HTMLElement): HTMLElement {
  return element("label", {}, `${text} `, input);
}

/** Of how much a part is. */
export function meter(label: string, part: number, whole: number): HTMLElement {
  return element("progress", { label, attributes: { max: String(Math.max(whole, 1)), value: String(part) } });
}

export function choice(
  id: string,
  options: readonly (readonly [value: string, text: string])[],
  value: string,
): HTMLSelectElement {
  const made = element("select", { id }, ...options.map(([each, text]) => new Option(text, each)));
  made.value = value;
  return made;
}

/** What has the focus keeps it, as far as it has an identity. */
export function replace(parent: HTMLElement, content: readonly Node[]): void {
  const focused = parent.contains(document.activeElement) ? document.activeElement!.id : "";
  parent.replaceChildren(...content);
  if (focused !== "") document.getElementById(focused)?.focus();
}
