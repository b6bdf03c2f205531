/** The control of one switch, by the form of its values. */
import FormField from "@cloudscape-design/components/form-field";
import Input from "@cloudscape-design/components/input";
import Select from "@cloudscape-design/components/select";
import SpaceBetween from "@cloudscape-design/components/space-between";
import Textarea from "@cloudscape-design/components/textarea";
import Toggle from "@cloudscape-design/components/toggle";
import { type ReactNode, useEffect, useState } from "react";
import { choicesOf, type SettingView, switchWords, valueText } from "./switches.ts";

interface SwitchControlProps {
  readonly one: SettingView;
  readonly value: unknown;
  readonly onChange: (value: unknown) => void;
  readonly errorText: string | undefined;
  readonly isReadOnly: boolean;
}

export function SwitchControl(props: SwitchControlProps): ReactNode {
  const { one, errorText } = props;
  return (
    <FormField errorText={errorText}>{one.name === "quotas" ? <Quotas {...props} /> : <Plain {...props} />}</FormField>
  );
}

function Plain({ one, value, onChange, isReadOnly }: SwitchControlProps): ReactNode {
  const { label, unit } = switchWords[one.name];
  const choices = choicesOf(one);
  if (choices !== undefined) {
    const options = choices.map((choice) => ({ value: String(choice), label: valueText(one.name, choice) }));
    return (
      <Select
        selectedOption={options.find((option) => option.value === String(value)) ?? null}
        options={options}
        ariaLabel={label}
        disabled={isReadOnly}
        onChange={({ detail }) => onChange(choices.find((choice) => String(choice) === detail.selectedOption.value))}
      />
    );
  }
  if (one.form.type === "boolean") {
    return (
      <Toggle
        checked={value === true}
        ariaLabel={label}
        disabled={isReadOnly}
        onChange={({ detail }) => onChange(detail.checked)}
      >
        {value === true ? "On" : "Off"}
      </Toggle>
    );
  }
  return (
    <Input
      value={String(value)}
      type="number"
      ariaLabel={`${label}, ${unit ?? ""}`}
      suffix={unit}
      disabled={isReadOnly}
      onChange={({ detail }) => onChange(detail.value === "" ? "" : Number(detail.value))}
    />
  );
}

const example = { default: { BatchMeterUsage: 50 } };

/** AWS's rates, none, or rates of one's own, as JSON. */
function Quotas({ value, onChange, isReadOnly }: SwitchControlProps): ReactNode {
  const isOwn = typeof value === "object";
  const options = [
    ...["aws", "off"].map((choice) => ({ value: choice, label: valueText("quotas", choice) })),
    { value: "own", label: "Own rates" },
  ];
  return (
    <SpaceBetween size="xs">
      <Select
        selectedOption={options.find((option) => option.value === (isOwn ? "own" : value)) ?? null}
        options={options}
        ariaLabel={switchWords.quotas.label}
        disabled={isReadOnly}
        onChange={({ detail }) =>
          onChange(detail.selectedOption.value === "own" ? example : detail.selectedOption.value)
        }
      />
      {isOwn && <OwnRates value={value} onChange={onChange} isReadOnly={isReadOnly} />}
    </SpaceBetween>
  );
}

type OwnRatesProps = Pick<SwitchControlProps, "value" | "onChange" | "isReadOnly">;

function OwnRates({ value, onChange, isReadOnly }: OwnRatesProps): ReactNode {
  const [text, setText] = useState(() => JSON.stringify(value, undefined, 2));
  const parsed = parse(text);
  // Put back, or changed elsewhere: not while what is typed says the same already.
  const told = JSON.stringify(value);
  useEffect(() => {
    setText((typed) =>
      JSON.stringify(parse(typed)) === told ? typed : JSON.stringify(JSON.parse(told), undefined, 2),
    );
  }, [told]);
  return (
    <FormField
      constraintText="Calls a second, by operation; “accounts” for single accounts."
      {...(parsed === undefined ? { errorText: "This is not JSON yet; the rates are those of before." } : {})}
    >
      <Textarea
        value={text}
        rows={6}
        ariaLabel="Own rates, JSON"
        spellcheck={false}
        disabled={isReadOnly}
        onChange={({ detail }) => {
          setText(detail.value);
          const found = parse(detail.value);
          if (found !== undefined) onChange(found);
        }}
      />
    </FormField>
  );
}

function parse(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
