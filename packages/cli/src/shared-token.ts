import type { ServiceToken } from "@stratos/volumes/serve";

/** Warns when others than its owner may read the file of a token. */
export function warnOfSharedToken({ path, isShared }: ServiceToken): void {
  if (!isShared) return;
  process.stderr.write(
    `stratos: warning: ${path} can be read by others, who are as good as you with it; chmod 600 ends that\n`,
  );
}
