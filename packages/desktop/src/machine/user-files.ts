import type { FileAccess } from "@stratos/sdk/api";
import type { DesktopMachine } from "./desktop-machine.ts";

/** The machine's files, as the desktop's user has them: none that is others' alone, and what is made is theirs. */
export function userFiles({ box, user }: Pick<DesktopMachine, "box" | "user">): FileAccess {
  return user.uid === 0 ? box.fs : box.fs.as(user);
}
