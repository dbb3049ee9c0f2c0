/** Snapshots as the tree that they make: taken, compared, rolled back to, deleted. */
import { inTree, type Snapshot, snapshotActions, type SnapshotChange } from "@stratos/panels/volumes";
import { button } from "../button.ts";
import { element, labelled, table } from "../elements.ts";
import { ask } from "./rest.ts";
import { actionButtons, mayChange, type View, type ViewContext } from "./view.ts";
import { language, moment } from "../language.ts";
import { say } from "./words.ts";

const CHANGES_MAX = 1000;

/** `rest` names the snapshot whose changes are shown. */
export const snapshotsView: View = async (context) => {
  const { at, rest, attempt } = context;
  const snapshots = await ask<readonly Snapshot[]>("GET", `${at}/snapshots`);
  const parts: HTMLElement[] = [element("h2", {}, say("snapshots"))];
  if (mayChange(context, "operator")) {
    const [name, label] = ["name", "label"].map((word) =>
      element("input", { id: `snapshot-${word}`, attributes: { autocomplete: "off" } }),
    ) as [HTMLInputElement, HTMLInputElement];
    const form = element(
      "form",
      { className: "row" },
      labelled(say("name"), name),
      labelled(say("label"), label),
      element("button", {}, say("take")),
    );
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const body = {
        ...(name.value === "" ? {} : { name: name.value }),
        ...(label.value === "" ? {} : { label: label.value }),
      };
      attempt(() => ask("POST", `${at}/snapshots`, body));
    });
    parts.push(form);
  }
  parts.push(
    table(
      say("snapshots"),
      [say("name"), say("taken"), say("label"), say("filesCount"), ""],
      inTree(snapshots).map(({ snapshot, depth }) => [
        `${"\u00a0\u00a0\u00a0".repeat(depth)}${depth > 0 ? "└ " : ""}${snapshot.live ? say("live") : snapshot.name}` +
          (snapshot.writable && !snapshot.live ? ` (${say("writable")})` : ""),
        moment(snapshot.createdAt),
        snapshot.label,
        String(snapshot.files),
        snapshot.live ? "" : actionsOf(context, snapshot),
      ]),
    ),
  );
  if (rest !== "") parts.push(await changesOf(at, rest));
  return parts;
};

function actionsOf(context: ViewContext, snapshot: Snapshot): HTMLElement[] {
  const { at, go } = context;
  const changes = button(say("changes"), () => go(snapshot.name));
  changes.setAttribute("aria-label", `${say("changes")}: ${snapshot.name}`);
  return [changes, ...actionButtons(context, () => snapshotActions(at, snapshot, language), snapshot.name)];
}

async function changesOf(at: string, name: string): Promise<HTMLElement> {
  const changes = await ask<readonly SnapshotChange[]>("GET", `${at}/snapshots/${encodeURIComponent(name)}/changes`);
  const list = element(
    "ul",
    { id: "changes" },
    ...changes
      .slice(0, CHANGES_MAX)
      .map(({ change, path, from }) =>
        element("li", {}, `${change}: ${from === undefined ? "" : `${from} → `}${path}`),
      ),
  );
  if (changes.length === 0) list.append(element("li", {}, say("noChanges")));
  if (changes.length > CHANGES_MAX) list.append(element("li", {}, `… (${changes.length})`));
  return element("section", {}, element("h3", {}, `${say("changes")} ${name}`), list);
}
