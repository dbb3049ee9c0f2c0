/** The bar at the bottom: launcher, workspaces, windows, what has happened, time, and the session. */
import type { Desktop } from "./desktop.ts";
import { Box, create, Menu, type MenuItem } from "./widgets/containers.ts";
import type { Sound } from "./sound.ts";
import { Button } from "./widgets/controls.ts";
import { Widget } from "./widgets/widget.ts";
import { currentLanguage, say } from "./words.ts";

interface PanelOwner {
  openLauncher(): void;
  openNotifications(at: { readonly x: number; readonly y: number }): void;
  /** Null: the machine has none of its own here. */
  readonly sound: Sound | null;
  readonly sessionItems: readonly (MenuItem | "line")[];
}

export class Panel extends Widget {
  readonly #desktop: Desktop;
  readonly #launcher: Button;
  readonly #workspaces = new Box("row", [], "nav").named("workspaces");
  readonly #windows = new Box("row", [], "nav").named("window-list").style({ grow: 1 });
  readonly #speaker: Button | null;
  readonly #sound: Sound | null;
  readonly #bell: Button;
  readonly #clock: Button;
  readonly #session: Button;

  /** @param plugins  stand before what the panel has itself at its end */
  constructor(desktop: Desktop, owner: PanelOwner, plugins: readonly Widget[]) {
    super(create("footer", "panel"));
    this.#desktop = desktop;
    this.#launcher = new Button("", () => owner.openLauncher()).named("launcher-button");
    const above = ({ element }: Widget): { x: number; y: number } => {
      const { left, top } = element.getBoundingClientRect();
      return { x: left, y: top };
    };
    this.#bell = new Button("", () => owner.openNotifications(above(this.#bell))).named("bell");
    const { sound } = owner;
    this.#sound = sound;
    this.#speaker = sound === null ? null : new Button("", () => sound.openControls()).named("speaker");
    sound?.onChange(() => this.#labelSpeaker());
    this.#clock = new Button("").named("clock");
    this.#session = new Button(
      "",
      () => void new Menu(say("session"), owner.sessionItems).open(document.body, above(this.#session)),
    ).named("session-button");
    this.append(this.#launcher, this.#workspaces, this.#windows, ...plugins);
    const { element: list } = this.#windows;
    list.addEventListener("wheel", ({ deltaX, deltaY }) => list.scrollBy(deltaX + deltaY, 0), { passive: true });
    if (this.#speaker !== null) this.append(this.#speaker);
    this.append(this.#bell, this.#clock, this.#session);
    desktop.onChange(() => this.invalidate());
    this.element.addEventListener("keydown", (event) => this.#key(event));
    setInterval(() => this.#tick(), 1000);
    this.relabel();
  }

  /** The language is another one. */
  relabel(): void {
    this.element.setAttribute("aria-label", say("panel"));
    this.#launcher.element.textContent = say("applications");
    this.#workspaces.labelled(say("workspaces"));
    this.#windows.labelled(say("windows"));
    this.#session.labelled(say("session"));
    this.count = this.#count;
    this.#labelSpeaker();
    this.#tick();
    this.invalidate();
  }

  #labelSpeaker(): void {
    if (this.#sound === null || this.#speaker === null) return;
    const { volume, isMuted, isWaiting } = this.#sound;
    const percent = Math.round(100 * volume);
    this.#speaker.element.classList.toggle("muted", isMuted || percent === 0 || isWaiting);
    const words = isWaiting ? say("soundWaits") : isMuted ? say("muted") : `${say("volume")} ${percent} %`;
    this.#speaker.labelled(`${say("sound")}: ${words}`);
    this.#speaker.element.title = words;
  }

  #count = 0;
  #order: string[] = [];

  /** Of notifications that were not seen. */
  set count(count: number) {
    this.#count = count;
    this.#bell.element.textContent = count === 0 ? "" : String(count);
    this.#bell.labelled(`${say("notifications")}${count === 0 ? "" : `: ${count}`}`);
  }

  #tick(): void {
    const now = new Date();
    const text = now.toLocaleTimeString(currentLanguage(), { hour: "2-digit", minute: "2-digit" });
    if (this.#clock.element.textContent === text) return;
    this.#clock.element.textContent = text;
    const whole = now.toLocaleString(currentLanguage(), { dateStyle: "full", timeStyle: "short" });
    this.#clock.element.title = whole;
    this.#clock.labelled(`${say("clock")}: ${text}, ${whole}`);
  }

  protected override draw(): void {
    const { arrangement } = this.#desktop;
    this.#fill(
      this.#workspaces,
      Array.from({ length: arrangement.workspaceCount }, (_, index) => ({
        text: String(index + 1),
        label: say("workspace", index + 1),
        isCurrent: index === arrangement.workspace,
        act: () => arrangement.goTo(index),
      })),
    );
    const here = arrangement.windows.filter(({ workspace }) => workspace === arrangement.workspace);
    // In the order in which they came: what is raised stays where it is looked for.
    for (const { id } of arrangement.windows) if (!this.#order.includes(id)) this.#order.push(id);
    this.#order = this.#order.filter((id) => arrangement.find(id) !== undefined);
    const listed = this.#order.flatMap((id) => here.find((each) => each.id === id) ?? []);
    this.#fill(
      this.#windows,
      listed.map(({ id, title, isMinimized }) => ({
        text: isMinimized ? `(${title})` : title,
        label: title,
        isCurrent: arrangement.active === id,
        act: () => (arrangement.active === id ? arrangement.minimize(id) : arrangement.focus(id)),
      })),
    );
  }

  #fill(box: Box, buttons: readonly { text: string; label: string; isCurrent: boolean; act: () => void }[]): void {
    const present = box.children as readonly Button[];
    // Buttons stay the same, so that the keyboard stays on them.
    while (present.length > buttons.length) present.at(-1)!.remove();
    while (present.length < buttons.length) {
      const made = new Button("", () => this.#acts.get(made)?.());
      box.append(made);
    }
    for (const [index, { text, label, isCurrent, act }] of buttons.entries()) {
      const button = present[index]!;
      if (button.element.textContent !== text) button.element.textContent = text;
      button.labelled(label);
      button.element.title = label;
      if (isCurrent && !button.element.hasAttribute("aria-current"))
        button.element.scrollIntoView({ block: "nearest", inline: "nearest" });
      if (isCurrent) button.element.setAttribute("aria-current", "true");
      else button.element.removeAttribute("aria-current");
      this.#acts.set(button, act);
    }
  }

  readonly #acts = new Map<Button, () => void>();

  focus(): void {
    this.#launcher.element.focus();
  }

  #key(event: KeyboardEvent): void {
    const buttons = [...this.element.querySelectorAll("button")];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const to = { ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: buttons.length - 1 }[event.key];
    if (to !== undefined) buttons.at(to % buttons.length)?.focus();
    else if (event.key === "Escape") this.#desktop.giveFocus();
    else return;
    event.preventDefault();
  }
}
