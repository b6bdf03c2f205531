/** Messages above the page: what was done, and what was not and why. */
import Flashbar, { type FlashbarProps } from "@cloudscape-design/components/flashbar";
import { createContext, type ReactNode, useCallback, useContext, useMemo, useState } from "react";
import { ApiProblem } from "./api.ts";

interface FlashValue {
  readonly done: (text: ReactNode) => void;
  readonly failed: (error: unknown) => void;
}

const Context = createContext<FlashValue>({ done: () => {}, failed: () => {} });
const ItemsContext = createContext<readonly FlashbarProps.MessageDefinition[]>([]);
const shownMax = 5;

let count = 0;

export function Flashes({ children }: { readonly children: ReactNode }): ReactNode {
  const [items, setItems] = useState<readonly FlashbarProps.MessageDefinition[]>([]);
  const add = useCallback((type: "success" | "error", content: ReactNode, header?: string) => {
    count += 1;
    const id = `flash-${count}`;
    const dismiss = (): void => setItems((shown) => shown.filter((one) => one.id !== id));
    const item = { id, type, content, dismissible: true, onDismiss: dismiss, dismissLabel: "Dismiss" } as const;
    setItems((shown) => [header === undefined ? item : { ...item, header }, ...shown].slice(0, shownMax));
  }, []);
  const value = useMemo<FlashValue>(
    () => ({
      done: (text) => add("success", text),
      failed: (error) => add("error", <ProblemText error={error} />, "That was not done"),
    }),
    [add],
  );
  return (
    <Context.Provider value={value}>
      <ItemsContext.Provider value={items}>{children}</ItemsContext.Provider>
    </Context.Provider>
  );
}

export function useFlash(): FlashValue {
  return useContext(Context);
}

export function FlashList(): ReactNode {
  return <Flashbar items={[...useContext(ItemsContext)]} />;
}

/** Of any error: its text, and what is wrong member by member. */
export function ProblemText({ error }: { readonly error: unknown }): ReactNode {
  const text = error instanceof Error ? error.message : String(error);
  if (!(error instanceof ApiProblem) || error.errors.length === 0) return text;
  return (
    <>
      {text}
      <ul>
        {error.errors.map(({ pointer, field, message }) => (
          <li key={`${pointer ?? field}${message}`}>
            {pointer ?? field}: {message}
          </li>
        ))}
      </ul>
    </>
  );
}
