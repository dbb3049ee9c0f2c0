/** Composing's touch of the host: the store, and scripts on the host's own kernel. */
export { cleanStore, type CleanedPart } from "./clean-store.ts";
export { ComposeFolder } from "./compose-folder.ts";
export { canRun } from "./binfmt.ts";
export { isNativeArchitecture, nativeArchitecture, nativeObstacle, NativeRunner } from "./native-runner.ts";
export { hasArtifact, hashArtifact, publishText, writeArtifact, type FileOptions } from "./output/artifact-file.ts";
export { folderOutput } from "./output/folder-output.ts";
export { tarOutput } from "./output/tar-output.ts";
export { ociOutputs } from "./output/oci-output.ts";
export { deployedImage, ostreeOutput, type RepositorySigner } from "./output/ostree-output.ts";
export { runHostProgram } from "./host-program.ts";
