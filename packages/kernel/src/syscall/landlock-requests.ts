/**
 * landlock_create_ruleset(2), landlock_add_rule(2) and landlock_restrict_self(2). Read first: security/landlock.ts.
 *
 * @see Linux security/landlock/syscalls.c
 */
import {
  CAP_SYS_ADMIN,
  E2BIG,
  EBADF,
  EBADFD,
  EFAULT,
  EINVAL,
  ENOMEM,
  ENOMSG,
  EPERM,
  LANDLOCK_ACCESS_FS_REFER,
  LANDLOCK_ACCESS_NET_BIND_TCP,
  LANDLOCK_ACCESS_NET_CONNECT_TCP,
  LANDLOCK_CREATE_RULESET_ERRATA,
  LANDLOCK_CREATE_RULESET_VERSION,
  LANDLOCK_RULE_NET_PORT,
  LANDLOCK_RULE_PATH_BENEATH,
  LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET,
  LANDLOCK_SCOPE_SIGNAL,
  LandlockNetPortAttr,
  LandlockPathBeneathAttr,
  LandlockRulesetAttr,
  O_PATH,
  isErrno,
} from "@stratos/abi";
import { copyExtensible } from "../ground/extensible-structure.ts";
import { getU64 } from "../ground/words.ts";
import { isCapable } from "../security/credentials.ts";
import { ALL_FS_RIGHTS, FILE_RIGHTS, LAYERS_MAX, withLayer } from "../security/landlock.ts";
import { LandlockRulesetFile } from "../task/landlock-ruleset-file.ts";
import type { Task } from "../task/task.ts";
import { installFile } from "./open-calls.ts";

/** Of Linux 6.12. */
const ABI = 6;
/** What was wrong there and is not here: streams that are not TCP's, signals within a process. */
const ERRATA = 3;
const ALL_PORT_RIGHTS = LANDLOCK_ACCESS_NET_BIND_TCP | LANDLOCK_ACCESS_NET_CONNECT_TCP;
const ALL_SCOPES = LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | LANDLOCK_SCOPE_SIGNAL;
const PORT_MAX = 65535;
const RULES_MAX = 4096;
/** In rulesets that are open, of all processes. */
const ALL_RULES_MAX = 131072;

/** A descriptor, or the ABI's number or errata; −E2BIG, −EFAULT, −EINVAL, −ENOMSG for one that would handle nothing. */
export function createRuleset(task: Task, attributes: number, size: number, flags: number): number {
  if (flags !== 0) {
    if (attributes !== 0 || size !== 0) return -EINVAL;
    if (flags === LANDLOCK_CREATE_RULESET_VERSION) return ABI;
    return flags === LANDLOCK_CREATE_RULESET_ERRATA ? ERRATA : -EINVAL;
  }
  // The first version had this field alone.
  if (attributes === 0) return -EFAULT;
  if (size < 0) return -E2BIG;
  if (size < LandlockRulesetAttr.offset.handled_access_net) return -EINVAL;
  const { u8, view } = task.kernel.scratch;
  const failed = copyExtensible(task.space, attributes, u8, size, LandlockRulesetAttr.size);
  if (failed < 0) return failed;
  const { handled_access_fs, handled_access_net, scoped } = LandlockRulesetAttr.offset;
  const layer = {
    fs: getU64(view, handled_access_fs),
    net: getU64(view, handled_access_net),
    scoped: getU64(view, scoped),
  };
  if (!isWithin(layer.fs, ALL_FS_RIGHTS) || !isWithin(layer.net, ALL_PORT_RIGHTS)) return -EINVAL;
  if (!isWithin(layer.scoped, ALL_SCOPES)) return -EINVAL;
  if (layer.fs === 0 && layer.net === 0 && layer.scoped === 0) return -ENOMSG;
  return installFile(task, new LandlockRulesetFile(task.kernel, layer), true);
}

/** @param rights  of 64 bits */
function isWithin(rights: number, all: number): boolean {
  return rights <= all && (rights & ~all) === 0;
}

function rulesetAt(task: Task, fd: number): LandlockRulesetFile | number {
  const file = task.files.get(fd);
  if (file === undefined || (file.flags & O_PATH) !== 0) return -EBADF;
  return file instanceof LandlockRulesetFile ? file : -EBADFD;
}

/** 0; −EBADF, −EBADFD, −EFAULT, −EINVAL, −ENOMSG for one that grants nothing; −E2BIG, −ENOMEM for one too many. */
export function addRule(task: Task, fd: number, type: number, attributes: number, flags: number): number {
  if (flags !== 0) return -EINVAL;
  const ruleset = rulesetAt(task, fd);
  if (isErrno(ruleset)) return ruleset;
  if (type === LANDLOCK_RULE_PATH_BENEATH) return addPath(task, ruleset, attributes);
  return type === LANDLOCK_RULE_NET_PORT ? addPort(task, ruleset, attributes) : -EINVAL;
}

function addPath(task: Task, ruleset: LandlockRulesetFile, attributes: number): number {
  const { u8, view } = task.kernel.scratch;
  if (task.space.copyIn(attributes, u8, 0, LandlockPathBeneathAttr.size) < 0) return -EFAULT;
  const rights = getU64(view, LandlockPathBeneathAttr.offset.allowed_access);
  if (rights === 0) return -ENOMSG;
  if (!isWithin(rights, ruleset.layer.fs)) return -EINVAL;
  const file = task.files.get(view.getInt32(LandlockPathBeneathAttr.offset.parent_fd, true));
  if (file === undefined) return -EBADF;
  // What the kernel itself has, without a place in the tree, nobody gives up.
  const inode = file.path?.dentry.inode ?? null;
  if (inode === null || file.path!.mount.id === 0) return -EBADFD;
  if (!inode.isDirectory && (rights & ~FILE_RIGHTS) !== 0) return -EINVAL;
  const full = fullness(task, ruleset);
  if (full < 0) return full;
  // What it doesn't handle, it grants; but for moving files, which is never free.
  const free = ALL_FS_RIGHTS & ~(ruleset.layer.fs | LANDLOCK_ACCESS_FS_REFER);
  ruleset.addFile(inode, rights | free);
  return 0;
}

function addPort(task: Task, ruleset: LandlockRulesetFile, attributes: number): number {
  const { u8, view } = task.kernel.scratch;
  if (task.space.copyIn(attributes, u8, 0, LandlockNetPortAttr.size) < 0) return -EFAULT;
  const rights = getU64(view, LandlockNetPortAttr.offset.allowed_access);
  if (rights === 0) return -ENOMSG;
  if (!isWithin(rights, ruleset.layer.net)) return -EINVAL;
  const port = getU64(view, LandlockNetPortAttr.offset.port);
  if (port > PORT_MAX) return -EINVAL;
  const full = fullness(task, ruleset);
  if (full < 0) return full;
  ruleset.addPort(port, rights | (ALL_PORT_RIGHTS & ~ruleset.layer.net));
  return 0;
}

function fullness({ kernel }: Task, { count }: LandlockRulesetFile): number {
  if (count >= RULES_MAX) return -E2BIG;
  return kernel.vfs.landlockRules >= ALL_RULES_MAX ? -ENOMEM : 0;
}

/** 0; −EPERM for who could gain privileges by a program; −E2BIG for a 17th layer; −EBADF, −EBADFD, −EINVAL. */
export function restrictSelf(task: Task, fd: number, flags: number): number {
  const { credentials } = task;
  if (!credentials.noNewPrivileges && !isCapable(credentials, CAP_SYS_ADMIN, credentials.userNamespace)) return -EPERM;
  if (flags !== 0) return -EINVAL;
  const ruleset = rulesetAt(task, fd);
  if (isErrno(ruleset)) return ruleset;
  const before = credentials.landlock;
  if (before !== null && before.layers.length >= LAYERS_MAX) return -E2BIG;
  task.kernel.work.charge(ruleset.count);
  task.credentials = { ...credentials, landlock: withLayer(before, ruleset.layer, ruleset) };
  return 0;
}
