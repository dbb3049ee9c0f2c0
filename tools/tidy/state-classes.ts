/**
 * Each class of the kernel is state that a saved machine may hold, so it says its name (`stateClass` of base), and how
 * each of its private fields is read and set; or it lives no longer than a call, or is over before anything is saved,
 * and stands here.
 */
import { withoutComments } from "./layers.ts";
import { lineAt, type Finding, type SourceTree } from "./source-tree.ts";

const HOME = "packages/kernel/src/";
/**
 * Made and used within one call; `PendingPages` of a board, which a save settles; what ext4 reads again from its disk.
 */
const OF_A_CALL: readonly string[] = [
  "frames/pending-pages.ts:PendingPages",
  "fs/ext4/ext4-directory.ts:DamagedDirectory",
  "fs/ext4/ext4-directory.ts:Ext4Directory",
  "fs/mounted-disk.ts:DiskError",
  "fs/mounted-disk.ts:MountedDisk",
  "mm/vdso/vdso-image.ts:StringTable",
  "mm/vdso/vdso-image.ts:VdsoImage",
  "socket/control-message.ts:ControlWriter",
  "socket/netlink/netlink-request.ts:ShortAttribute",
  "socket/netlink/netlink-writer.ts:NetlinkWriter",
  "socket/part-cursor.ts:DiscardCursor",
  "socket/part-cursor.ts:ShortCursor",
  "task/stops.ts:Stops",
  "vfs/path-walk.ts:Walker",
];

export function checkStateClasses(tree: SourceTree, ofCall: readonly string[] = OF_A_CALL): Finding[] {
  const findings: Finding[] = [];
  const left = new Set(ofCall);
  const names = new Map<string, string>();
  for (const { path, text } of tree.files) {
    if (!path.startsWith(HOME) || !/(?<!\.(test|fuzz|bench))\.ts$/.test(path) || path.includes("/testing/")) continue;
    for (const match of withoutComments(text).matchAll(CLASS)) {
      const { isAbstract, name, body } = match.groups as { isAbstract?: string; name: string; body: string };
      const find = (message: string): void =>
        void findings.push({ path, line: lineAt(text, match.index), message: `class ${name} ${message}` });
      const id = `${path.slice(HOME.length)}:${name}`;
      if (left.delete(id)) continue;
      const fields = [...body.matchAll(FIELD)].map((field) => field[1]!);
      const call = /^ {4}stateClass\(\s*"([^"]+)"/m.exec(body);
      if (call === null) {
        if (isAbstract === undefined || fields.length > 0)
          find("says no name by stateClass (base): a saved machine could not hold it");
        continue;
      }
      const other = names.get(call[1]!);
      if (other !== undefined) find(`has the name of one in ${other}: ${call[1]}`);
      names.set(call[1]!, path);
      const block = body.slice(call.index);
      for (const field of fields) {
        const places = block.match(new RegExp(`: it\\.${field}\\b`, "g"))?.length ?? 0;
        if (places < 2 && !block.includes(`"${field}"`)) find(`saves and loads ${field} nowhere, and does not keep it`);
      }
    }
  }
  for (const id of left)
    findings.push({ path: "tools/tidy/state-classes.ts", line: 0, message: `there is no ${id}, take it off` });
  return findings;
}

/** As the formatter writes them: a class ends where a line is a brace. */
const CLASS = /^(?:export )?(?<isAbstract>abstract )?class (?<name>\w+)[^{]*\{(?<body>\}|[^]*?\n\})$/gm;
/** Private fields, but no methods and accessors, and nothing static. */
const FIELD = /^ {2}(?:readonly )?(#\w+)(?=[!?]?(?::|;| =))/gm;
