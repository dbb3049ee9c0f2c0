/**
 * A filter that observes and refuses: it tells of each new name on standard error, and lets nobody make or write what
 * ends in `.exe`.
 *
 * @type {import("@stratos/aegisfs").FilterFactory}
 */
export default function guard() {
  const EPERM = 1;
  const refuse = (name) => name.toLowerCase().endsWith(".exe");
  const tell = (what, name) => process.stderr.write(`guard: ${what} ${Buffer.from(name, "latin1").toString("utf8")}\n`);
  return {
    name: "guard",
    create(next, directory, name, ...rest) {
      if (refuse(name)) return -EPERM;
      const ino = next(directory, name, ...rest);
      if (ino > 0) tell("made", name);
      return ino;
    },
    rename(next, directory, name, newDirectory, newName, flags) {
      return refuse(newName) ? -EPERM : next(directory, name, newDirectory, newName, flags);
    },
    link(next, ino, directory, name) {
      return refuse(name) ? -EPERM : next(ino, directory, name);
    },
  };
}
