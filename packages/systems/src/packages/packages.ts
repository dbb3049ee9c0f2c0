export {
  type ImageSystem,
  loadImageIndex,
  openImageSystem,
  openRootSystem,
  type OpenSystem,
  type SourceOptions,
} from "./image-system.ts";
export {
  changeImage,
  editImage,
  inNewLayer,
  markAutomatic,
  replaceFile,
  rollBackImage,
  withPreparedChange,
} from "./image-transaction.ts";
export { addFiles } from "./package-files.ts";
export { downloadChange } from "./prepared-change.ts";
export {
  changeRoot,
  finishInterrupted,
  holdInRoot,
  lockRoot,
  recoverForReader,
  recoverRoot,
  rollBackRoot,
  rootHistory,
  type RootTransaction,
  type RunnerChoice,
  runRootChange,
} from "./root-transaction.ts";
export { signRepository } from "./sign-repository.ts";
export { keyNames, keyPath, readKey } from "./signing-keys.ts";
export { VolumeRoot } from "./volume-root.ts";
