/** What a merged image asks for that no image can be, known from the treefile alone. */
import type { KeyPath } from "./positions.ts";
import type { ImageConfig } from "./schema.ts";
import { unitName } from "./unit-name.ts";

interface ConfigProblem {
  readonly key: KeyPath;
  readonly message: string;
}

/** Folders that every root has: a file in their place would leave nothing that starts. Source: FHS 3.0 §3, §4. */
const FOLDERS: ReadonlySet<string> = new Set([
  "bin",
  "boot",
  "dev",
  "etc",
  "home",
  "lib",
  "lib64",
  "media",
  "mnt",
  "opt",
  "proc",
  "root",
  "run",
  "sbin",
  "srv",
  "sys",
  "tmp",
  "usr",
  "var",
  "usr/bin",
  "usr/include",
  "usr/lib",
  "usr/lib64",
  "usr/libexec",
  "usr/local",
  "usr/sbin",
  "usr/share",
  "usr/src",
  "var/cache",
  "var/lib",
  "var/log",
  "var/spool",
  "var/tmp",
  "etc/systemd",
  "etc/apt",
  "var/lib/dpkg",
]);

/** Of these some systems make links: whether one is empty is seen when it is made. */
const MAY_BE_LINKS = /^(home|media|mnt|opt|root|srv|tmp|usr\/local|usr\/src|var\/(cache|log|spool|tmp))$/;

export function* configProblems(config: ImageConfig): Iterable<ConfigProblem> {
  yield* fileProblems(config);
  yield* userProblems(config);
  yield* serviceProblems(config);
  yield* answerProblems(config);
  const { container } = config;
  // Of two layers one may say the program, and the other how often.
  if (container?.healthcheck !== undefined && container.healthcheck.command === undefined)
    yield { key: ["container", "healthcheck"], message: "says no `command` that tells whether it works" };
}

function* fileProblems({ files = {} }: ImageConfig): Iterable<ConfigProblem> {
  for (const [path, file] of Object.entries(files)) {
    const key = ["files", path];
    if (file.content !== undefined || file.source !== undefined || file.link !== undefined) {
      if (FOLDERS.has(path.slice(1)) && (file.link === undefined || !MAY_BE_LINKS.test(path.slice(1))))
        yield {
          key,
          message:
            `is a folder of every system, which ${file.link === undefined ? "a file" : "a link"} would replace ` +
            "with all that is in it; `folder: true` sets its mode and owner",
        };
    }
    for (let slash = path.indexOf("/", 1); slash > 0; slash = path.indexOf("/", slash + 1)) {
      const above = files[path.slice(0, slash)];
      if (above?.content !== undefined || above?.source !== undefined)
        yield { key, message: `lies below ${path.slice(0, slash)}, which \`files\` makes a file` };
    }
  }
}

function* userProblems({ users = {} }: ImageConfig): Iterable<ConfigProblem> {
  const names = new Map<number, string>();
  for (const [name, { uid }] of Object.entries(users)) {
    const other = uid === undefined ? undefined : names.get(uid);
    if (other !== undefined) yield { key: ["users", name, "uid"], message: `${uid} is that of ${other}, too` };
    else if (uid !== undefined) names.set(uid, name);
  }
}

/** What a layer disables others enable, perhaps: then enabling, which comes last when the image is made, would win. */
function* serviceProblems({ services = {} }: ImageConfig): Iterable<ConfigProblem> {
  const enabled = new Map(services.enable?.map((name) => [unitName(name), name]));
  for (const [index, name] of services.disable?.entries() ?? []) {
    const word = enabled.get(unitName(name));
    if (word !== undefined)
      yield {
        key: ["services", "disable", index],
        message: `\`enable\` names ${word}, too; what a lower layer enables "-${word}" there takes away`,
      };
  }
}

/** Source: debconf-devel(7), "Type". */
function* answerProblems({ debconf = {} }: ImageConfig): Iterable<ConfigProblem> {
  for (const [question, { type, value }] of Object.entries(debconf)) {
    if (type === undefined || value === undefined)
      yield { key: ["debconf", question], message: `${type === undefined ? "type" : "value"} is missing` };
    else if (type === "boolean" && !["true", "false"].includes(String(value)))
      yield { key: ["debconf", question, "value"], message: `a boolean is "true" or "false", not "${value}"` };
  }
}
