/** Text in a fixed array of a structure, with NULs behind it. @param size  of the array, in bytes */
export function writeText(view: DataView, at: number, text: string, size: number): void {
  for (let index = 0; index < size; index++)
    view.setUint8(at + index, index < size - 1 && index < text.length ? text.charCodeAt(index) : 0);
}
