/*
 * Captures: bytes somebody saved of a stream, in seven formats, recognised by what they hold.
 * Law: what is damaged is named with its offset; --keep-going reads on behind it and believes nothing that it skipped.
 * Way in: readers by format here; wal/ is the other input, segments of physical WAL.
 */

import type {
  CaptureFormat,
  CaptureReader,
  CaptureReaderOptions,
} from "./formats/capture-reader.ts";
import { CopyBinaryLayout } from "./formats/copy-binary.ts";
import { FrameReader } from "./formats/frame-reader.ts";
import { splitCopyCsvLine, splitCopyTextLine, splitHexLine } from "./formats/line-formats.ts";
import { LineReader } from "./formats/line-reader.ts";
import { UnframedReader } from "./formats/unframed.ts";
import { WalctlLayout } from "./formats/walctl.ts";

/** The reader of a capture of this format. */
export function createCaptureReader(
  format: CaptureFormat,
  options: CaptureReaderOptions,
): CaptureReader {
  switch (format) {
    case "walctl":
      return new FrameReader(new WalctlLayout(), options);
    case "recvlogical":
      return new UnframedReader("line feed", options);
    case "raw":
      return new UnframedReader("none", options);
    case "hex":
      return new LineReader(splitHexLine, options);
    case "copy-text":
      return new LineReader(splitCopyTextLine, options);
    case "copy-csv":
      return new LineReader(splitCopyCsvLine, options);
    case "copy-binary":
      return new FrameReader(new CopyBinaryLayout(), options);
  }
}
