/** Files, live ones or a snapshot's: looked at, brought in and out, renamed, removed, restored. */
import type { Action } from "@stratos/panels/action";
import {
  inOrder,
  joinPath as join,
  parentPath,
  removeFileAction,
  restoreAction,
  type Snapshot,
  type VolumeFile,
  type VolumeWord,
} from "@stratos/panels/volumes";
import { button } from "../button.ts";
import { choice, element, labelled, row, table } from "../elements.ts";
import { ask, content, send } from "./rest.ts";
import { actionButtons, mayChange, type View, type ViewContext } from "./view.ts";
import { language, moment, size } from "../language.ts";
import { say } from "./words.ts";

/** In the address: the snapshot, empty for the live files, and the folder. */
interface Place {
  readonly snapshot: string;
  readonly path: string;
}

export const filesView: View = async (context) => {
  const { at, go, attempt, rest } = context;
  const place = placeOf(rest);
  const { snapshot, path } = place;
  const inSnapshot = snapshot === "" ? "" : `&snapshot=${encodeURIComponent(snapshot)}`;
  const [files, snapshots] = await Promise.all([
    ask<readonly VolumeFile[]>("GET", `${at}/files?path=${encodeURIComponent(path)}${inSnapshot}`),
    ask<readonly Snapshot[]>("GET", `${at}/snapshots`),
  ]);
  const from = choice(
    "place",
    [["", say("live")], ...snapshots.filter(({ live }) => !live).map(({ name }) => [name, name] as const)],
    snapshot,
  );
  from.addEventListener("change", () => go(restOf({ snapshot: from.value, path })));
  const bar = row(labelled(say("lookInto"), from));
  if (path !== "/") bar.append(button(say("up"), () => go(restOf({ snapshot, path: parentPath(path) }))));
  if (snapshot === "" && mayChange(context, "administrator"))
    bar.append(
      button(say("newFolder"), () => {
        const name = prompt(say("newName"));
        if (name !== null && name !== "") attempt(() => ask("POST", `${at}/directories`, { path: join(path, name) }));
      }),
      uploader(context, path),
    );
  return [
    element("h2", { id: "path" }, snapshot === "" ? path : `${snapshot}: ${path}`),
    bar,
    table(
      say("files"),
      [say("name"), say("size"), say("modified"), say("owner"), ""],
      inOrder(files).map((file) => [
        nameCell(context, place, file),
        file.kind === "file" ? size(file.sizeBytes) : "",
        moment(file.modifiedAt),
        `${file.uid}:${file.gid} ${file.mode}`,
        actionsOf(context, place, file),
      ]),
    ),
  ];
};

function nameCell({ go }: ViewContext, { snapshot, path }: Place, file: VolumeFile): Node | string {
  if (file.kind === "directory")
    return button(`${file.name}/`, () => go(restOf({ snapshot, path: join(path, file.name) })));
  return file.target === undefined ? file.name : `${file.name} → ${file.target}`;
}

function actionsOf(context: ViewContext, { snapshot, path }: Place, file: VolumeFile): HTMLElement[] {
  const { at, attempt, role } = context;
  const full = join(path, file.name);
  const actions: HTMLElement[] = [];
  const add = (text: string, work: () => void): void => {
    const made = button(text, work);
    made.setAttribute("aria-label", `${text}: ${file.name}`);
    actions.push(made);
  };
  const where = `path=${encodeURIComponent(full)}${snapshot === "" ? "" : `&snapshot=${encodeURIComponent(snapshot)}`}`;
  if (file.kind === "file" && role !== "viewer")
    add(say("download"), () => attempt(async () => save(file.name, await content(`${at}/content?${where}`))));
  if (!mayChange(context, "administrator")) return actions;
  if (snapshot === "")
    add(say("rename"), () => {
      const name = prompt(say("newName"), file.name);
      if (name !== null && name !== "" && name !== file.name)
        attempt(() => ask("POST", `${at}/moves`, { from: full, to: join(path, name), replace: false }));
    });
  const changing = (): Action<VolumeWord> =>
    snapshot === "" ? removeFileAction(at, full, language) : restoreAction(at, { snapshot, path: full }, language);
  actions.push(...actionButtons(context, () => [changing()], file.name));
  return actions;
}

function uploader({ at, attempt }: ViewContext, path: string): HTMLElement {
  const input = element("input", { id: "upload", label: say("upload"), attributes: { type: "file", multiple: "" } });
  input.hidden = true;
  input.addEventListener("change", () =>
    attempt(async () => {
      for (const file of input.files ?? [])
        await send(`${at}/content?path=${encodeURIComponent(join(path, file.name))}`, file);
    }),
  );
  const opener = button(say("upload"), () => input.click());
  return element("span", {}, opener, input);
}

function save(name: string, bytes: Blob): void {
  const url = URL.createObjectURL(bytes);
  element("a", { attributes: { href: url, download: name } }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

function placeOf(rest: string): Place {
  const slash = rest.indexOf("/");
  return slash < 0 ? { snapshot: "", path: "/" } : { snapshot: rest.slice(0, slash), path: rest.slice(slash) };
}

function restOf({ snapshot, path }: Place): string {
  return `${snapshot}${path}`;
}
