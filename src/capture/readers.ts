import type { CaptureFormat, CaptureReader, CaptureReaderOptions } from "./capture-reader.ts";
import { CopyBinaryLayout } from "./copy-binary.ts";
import { FrameReader } from "./frame-reader.ts";
import { splitCopyCsvLine, splitCopyTextLine, splitHexLine } from "./line-formats.ts";
import { LineReader } from "./line-reader.ts";
import { UnframedReader } from "./unframed.ts";
import { WalctlLayout } from "./walctl.ts";

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
