/** Sandboxed applications in the panel: those that the person has let in. */
import type { ApplicationHost } from "./applications/application.ts";
import { type SandboxedFrame, sandboxedFrame, type SandboxedList } from "./applications/sandboxed.ts";
import { ask } from "./service.ts";
import { Box } from "./widgets/containers.ts";
import { Button } from "./widgets/controls.ts";
import { Widget } from "./widgets/widget.ts";

export class PanelPlugins extends Box {
  readonly #host: ApplicationHost;
  readonly #frames = new Map<string, { readonly frame: SandboxedFrame; readonly widget: Widget }>();

  constructor(host: ApplicationHost) {
    super("row");
    this.named("panel-plugins");
    this.#host = host;
  }

  /** Which they are, as it has been decided now; a desktop in a tab of its own has none. */
  async refresh(): Promise<void> {
    const { applications } = await ask<SandboxedList>("GET", "/sandboxed");
    const wanted = applications.filter(({ permissions }) =>
      permissions.some(({ permission, isGranted }) => permission === "panel" && isGranted === true),
    );
    for (const [id, { frame, widget }] of this.#frames) {
      if (wanted.some((each) => each.id === id)) continue;
      frame.end();
      widget.remove();
      this.#frames.delete(id);
    }
    for (const { id, name } of wanted) if (!this.#frames.has(id)) this.#add(id, name);
  }

  #add(id: string, name: string): void {
    const again = new Button("↻", () => frame.start());
    again.element.hidden = true;
    const frame = sandboxedFrame(this.#host, { id, name, part: "panel" }, (problem) => {
      again.element.hidden = problem === null;
      again.element.title = problem ?? "";
      again.labelled(problem ?? name);
    });
    const widget = new Box("row", [new Widget(frame.element), again]);
    this.#frames.set(id, { frame, widget });
    this.append(widget);
    frame.start();
  }
}
