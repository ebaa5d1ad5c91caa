/** The constants of the walctl format, for its reader and its writer (docs/captures.md). */

/** The format's name and version. */
export const WALCTL_MAGIC: Uint8Array = Uint8Array.of(
  ...Buffer.from("walctl", "latin1"),
  0x00,
  0x01,
);

/** The first byte of a frame that walctl adds to those of the stream. JSON follows. */
export const METADATA_TAG = 0x6d; // m

export const LENGTH_BYTES = 4;

/** A message of the server is shorter than 1 GiB (MaxAllocSize), and XLogData's header is small. */
export const FRAME_BYTES_MAX = 0x40000000;
