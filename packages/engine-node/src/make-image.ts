/** Makes an image that is missing, as `pull` says. */
import { buildDefaultImage, buildImage, type ImageEvent } from "@stratos/images/build";
import { DEFAULT_IMAGE, DEFAULT_SUITE } from "@stratos/images/defaults";
import type { Work } from "@stratos/sdk";
import { type ImageProgress, type ImageSource, StratosError } from "@stratos/sdk/api";

export async function makeImage(name: string, home: string, source: ImageSource, work: Work): Promise<void> {
  const { packages, suite = DEFAULT_SUITE, mirror } = source;
  if (source.reference !== undefined) {
    const { reference } = source;
    const { pullImage } = await import("@stratos/images/registry");
    const onProgress = (done: number, total: number): void =>
      work.onProgress({ phase: "pull", done, total, unit: "bytes", detail: reference });
    await pullImage({ reference, name, home }, { isPlain: source.plainHttp === true, onProgress });
    return;
  }
  const context = { home, onEvent: (event: ImageEvent): void => work.onProgress(progressOf(event)) };
  const isUsual = packages === undefined && source.suite === undefined && mirror === undefined;
  if (name === DEFAULT_IMAGE && isUsual) return buildDefaultImage(context);
  if (packages === undefined)
    throw new StratosError("no-image", `${name}: no such image, and \`pull\` does not say what it is`, { image: name });
  await buildImage({ name, packages, suite, mirror, recommends: false }, context);
}

function progressOf(event: ImageEvent): ImageProgress {
  switch (event.phase) {
    case "waiting":
      return { phase: "waiting", done: 0, total: 0, unit: "files", detail: `process ${event.owner}` };
    case "index":
      return { phase: "index", done: 0, total: 0, unit: "files", detail: "" };
    case "download":
      return { phase: "download", done: event.doneBytes, total: event.totalBytes, unit: "bytes", detail: "" };
    case "unpack":
      return { phase: "unpack", done: event.doneFiles, total: event.totalFiles, unit: "files", detail: "" };
    case "configure":
      return { phase: "configure", done: event.done, total: event.total, unit: "packages", detail: event.current };
    case "warning":
      return { phase: "warning", done: 0, total: 0, unit: "files", detail: event.name };
  }
}
