/** A text to look for. It is handed on once nothing more is typed, so that not every letter asks the server. */
import TextFilter from "@cloudscape-design/components/text-filter";
import { type ReactNode, useEffect, useState } from "react";

const typingMs = 300;

interface SearchFieldProps {
  /** As the address has it. */
  readonly value: string;
  readonly onSearch: (text: string) => void;
  readonly placeholder: string;
  readonly label: string;
}

export function SearchField({ value, onSearch, placeholder, label }: SearchFieldProps): ReactNode {
  const [text, setText] = useState(value);
  // Something else, such as a link or the way back, has changed the address.
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return undefined;
    const timer = window.setTimeout(() => onSearch(text), typingMs);
    return () => window.clearTimeout(timer);
  }, [text, value, onSearch]);
  return (
    <TextFilter
      filteringText={text}
      filteringPlaceholder={placeholder}
      filteringAriaLabel={label}
      onChange={({ detail }) => setText(detail.filteringText)}
    />
  );
}
