/** What the kinds of keys are for. */
import Box from "@cloudscape-design/components/box";
import ExpandableSection from "@cloudscape-design/components/expandable-section";
import KeyValuePairs from "@cloudscape-design/components/key-value-pairs";
import type { ReactNode } from "react";
import { credentialKindNames, credentialKinds } from "./types.ts";

export function KindsHelp(): ReactNode {
  return (
    <>
      <Box variant="p" color="inherit">
        The keys that calls are signed with. Secrets are shown once, when a key is made.
      </Box>
      <ExpandableSection headerText="Which kind for what?">
        <KeyValuePairs
          columns={3}
          items={credentialKindNames.map((kind) => ({
            label: credentialKinds[kind].name,
            value: credentialKinds[kind].meaning,
          }))}
        />
      </ExpandableSection>
    </>
  );
}
