/** Text that is there to be copied. */
import Box from "@cloudscape-design/components/box";
import CopyToClipboard from "@cloudscape-design/components/copy-to-clipboard";
import type { ReactNode } from "react";

/** One value in a line, such as an id. `what` names it for screen readers. */
export function CopyValue({ value, what }: { readonly value: string; readonly what: string }): ReactNode {
  return (
    <CopyToClipboard
      variant="inline"
      textToCopy={value}
      copyButtonAriaLabel={`Copy ${what}`}
      copySuccessText="Copied"
      copyErrorText="The browser did not let it be copied; select the text instead"
    />
  );
}

/** Lines to paste into a shell or a file. */
export function CopyBlock({ text, what }: { readonly text: string; readonly what: string }): ReactNode {
  return (
    <div className="copy-block">
      {/* Long lines scroll, which the keyboard must be able to do too. */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: it scrolls */}
      <section className="copy-block-text" tabIndex={0} aria-label={what}>
        <pre>
          <Box variant="code">{text}</Box>
        </pre>
      </section>
      <div className="copy-block-button">
        <CopyToClipboard
          variant="icon"
          textToCopy={text}
          copyButtonAriaLabel={`Copy ${what}`}
          copySuccessText="Copied"
          copyErrorText="The browser did not let it be copied; select the text instead"
        />
      </div>
    </div>
  );
}
