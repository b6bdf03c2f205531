/** Signing in: by the link that was printed at start, or by an admin token. */
import Alert from "@cloudscape-design/components/alert";
import Box from "@cloudscape-design/components/box";
import Button from "@cloudscape-design/components/button";
import Container from "@cloudscape-design/components/container";
import Form from "@cloudscape-design/components/form";
import FormField from "@cloudscape-design/components/form-field";
import Header from "@cloudscape-design/components/header";
import Input from "@cloudscape-design/components/input";
import SpaceBetween from "@cloudscape-design/components/space-between";
import { createContext, type ReactNode, useCallback, useContext, useEffect, useMemo, useState } from "react";
import { ApiProblem, get, send, setCsrf } from "./api.ts";

export interface Session {
  /** Name of the admin token. */
  readonly name: string;
  readonly role: "full" | "read";
  readonly csrf: string;
  readonly expiresAt: string;
}

interface SessionValue {
  readonly session: Session;
  readonly canChange: boolean;
  signOut(): Promise<void>;
}

const Context = createContext<SessionValue | undefined>(undefined);

/** Of whoever is signed in; pages are shown to nobody else. */
export function useSession(): SessionValue {
  const value = useContext(Context);
  if (value === undefined) throw new Error("no session around");
  return value;
}

/** The word of a link, taken out of the address so that it stays in no history. */
function takeLinkWord(): string | undefined {
  const word = /^#sign-in=([\w-]+)$/.exec(window.location.hash)?.[1];
  if (word !== undefined) window.history.replaceState(null, "", window.location.pathname + window.location.search);
  return word;
}

type State = { readonly session?: Session; readonly isLooking: boolean; readonly problem?: string };

/** Once a page load: a word is good for one session. */
let firstLook: Promise<Session> | undefined;

export function SessionGate({ children }: { readonly children: ReactNode }): ReactNode {
  const [state, setState] = useState<State>({ isLooking: true });
  const take = useCallback((session: Session): void => {
    setCsrf(session.csrf);
    setState({ session, isLooking: false });
  }, []);
  useEffect(() => {
    const word = firstLook === undefined ? takeLinkWord() : undefined;
    firstLook ??= word === undefined ? get<Session>("/session") : send<Session>("POST", "/session", { link: word });
    firstLook.then(take, (error: unknown) => {
      const isStranger = error instanceof ApiProblem && error.status === 401 && word === undefined;
      setState({ isLooking: false, ...(isStranger ? {} : { problem: messageOf(error) }) });
    });
  }, [take]);
  const signOut = useCallback(async () => {
    await send("DELETE", "/session");
    setState({ isLooking: false });
  }, []);
  const { session } = state;
  const value = useMemo(
    () => (session === undefined ? undefined : { session, canChange: session.role === "full", signOut }),
    [session, signOut],
  );
  if (state.isLooking) return null;
  if (value !== undefined) return <Context.Provider value={value}>{children}</Context.Provider>;
  return <SignIn problem={state.problem} onOpen={take} />;
}

interface SignInProps {
  readonly problem: string | undefined;
  readonly onOpen: (session: Session) => void;
}

function SignIn({ problem, onOpen }: SignInProps): ReactNode {
  const [token, setToken] = useState("");
  const [told, setTold] = useState(problem);
  const [isSending, setIsSending] = useState(false);
  const open = async (): Promise<void> => {
    setIsSending(true);
    try {
      onOpen(await send<Session>("POST", "/session", { adminToken: token.trim() }));
    } catch (error) {
      setTold(messageOf(error));
      setIsSending(false);
    }
  };
  return (
    <main className="sign-in">
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void open();
        }}
      >
        <Form
          actions={
            <Button variant="primary" loading={isSending} disabled={token.trim() === ""}>
              Sign in
            </Button>
          }
        >
          <Container header={<Header variant="h1">Meterhouse</Header>}>
            <SpaceBetween size="l">
              {told !== undefined && <Alert type="error">{told}</Alert>}
              <Box>
                Open the link that the server printed when it started, or make a new one with{" "}
                <Box variant="code">meterhouse console</Box>. The admin token works too.
              </Box>
              <FormField label="Admin token" description="It is in admin.token in the data folder.">
                <Input
                  type="password"
                  value={token}
                  autoFocus
                  disableBrowserAutocorrect
                  autoComplete="current-password"
                  onChange={({ detail }) => setToken(detail.value)}
                />
              </FormField>
            </SpaceBetween>
          </Container>
        </Form>
      </form>
    </main>
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
