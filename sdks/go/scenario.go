// Package scenario is what both programs of Go share: the cases, the control plane, the comparison. Each brings the
// calls of its SDK.
package scenario

import (
	"bytes"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// Keys are those of one of the scenario's callers.
type Keys struct {
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
	SessionToken    string `json:"sessionToken"`
}

// Step is a call of an SDK, or of the control plane.
type Step struct {
	Call        string            `json:"call"`
	Credentials string            `json:"credentials"`
	Region      string            `json:"region"`
	Input       any               `json:"input"`
	Expect      any               `json:"expect"`
	Error       string            `json:"error"`
	Modelled    *bool             `json:"modelled"`
	Message     string            `json:"message"`
	Save        map[string]string `json:"save"`
	JWT         map[string]any    `json:"jwt"`
	Control     string            `json:"control"`
	Path        string            `json:"path"`
	Body        any               `json:"body"`
}

// IsModelled tells whether the SDK has a type for the step's error.
func (step Step) IsModelled() bool { return step.Modelled == nil || *step.Modelled }

type testCase struct {
	ID     string   `json:"id"`
	Title  string   `json:"title"`
	Needs  []string `json:"needs"`
	Server string   `json:"server"`
	Steps  []Step   `json:"steps"`
}

type testRun struct {
	Endpoint       string `json:"endpoint"`
	SkewedEndpoint string `json:"skewedEndpoint"`
	AdminToken     string `json:"adminToken"`
	Region         string `json:"region"`
	Scenario       string `json:"scenario"`
}

// Told is what an SDK says of an error.
type Told struct {
	Name, Message string
	// IsTyped: it is of the SDK's own type for that name.
	IsTyped bool
}

// Client is an SDK.
type Client struct {
	Name, Version string
	Has           []string
	// Send sends one call. The input has text in RFC 3339 for timestamps, as encoding/json reads times.
	Send func(step Step, input []byte, endpoint string, keys Keys) (output any, err error)
	// Tell takes an error of Send apart.
	Tell func(err error) Told
}

type saved map[string]any

// Run drives the client through the scenario and ends the process.
func Run(client Client) {
	var run testRun
	var whole struct {
		Credentials map[string]Keys `json:"credentials"`
		Cases       []testCase      `json:"cases"`
	}
	must(read(os.Args[1], &run))
	must(read(run.Scenario, &whole))
	passed, failed := 0, 0
	for _, one := range whole.Cases {
		if missing := missingOf(one.Needs, client.Has); missing != "" {
			fmt.Printf("skip %s: this client has no %s\n", one.ID, missing)
			continue
		}
		fmt.Printf("\n# %s: %s\n", one.ID, one.Title)
		if err := runCase(client, run, whole.Credentials, one); err != nil {
			failed++
			fmt.Printf("not ok %s: %s\n", one.ID, strings.ReplaceAll(err.Error(), "\n", " "))
			continue
		}
		passed++
		fmt.Printf("ok %s\n", one.ID)
	}
	fmt.Printf("\nclient: %s %s\n%d passed, %d failed\n", client.Name, client.Version, passed, failed)
	if failed > 0 {
		os.Exit(1)
	}
}

func runCase(client Client, run testRun, credentials map[string]Keys, one testCase) error {
	endpoint := run.Endpoint
	if one.Server == "skewed" {
		endpoint = run.SkewedEndpoint
	}
	kept := saved{}
	for _, step := range one.Steps {
		if step.Region == "" {
			step.Region = run.Region
		}
		var err error
		if step.Control != "" {
			err = control(step, endpoint, run.AdminToken, kept)
		} else {
			err = call(client, step, endpoint, credentials[step.Credentials], kept)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func control(step Step, endpoint, adminToken string, kept saved) error {
	var body io.Reader
	if step.Body != nil {
		text, err := json.Marshal(step.Body)
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequest(step.Control, endpoint+step.Path, body)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+adminToken)
	request.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode/100 != 2 {
		return fmt.Errorf("%s %s answered %d: %s", step.Control, step.Path, answer.StatusCode, text)
	}
	if step.Expect == nil {
		return nil
	}
	var got any
	if err := json.Unmarshal(text, &got); err != nil {
		return err
	}
	return match(got, step.Expect, kept, "")
}

func call(client Client, step Step, endpoint string, keys Keys, kept saved) error {
	input, err := json.Marshal(typed(step.Input, kept, ""))
	if err != nil {
		return err
	}
	fmt.Printf("> %s %s\n", step.Call, input)
	output, err := client.Send(step, input, endpoint, keys)
	if err != nil {
		return checkError(step, client.Tell(err), err)
	}
	text, err := json.Marshal(output)
	if err != nil {
		return err
	}
	var plain any
	if err := json.Unmarshal(text, &plain); err != nil {
		return err
	}
	answer := wire(plain, "")
	text, _ = json.Marshal(answer)
	fmt.Printf("< %s\n", text)
	if step.Error != "" {
		return fmt.Errorf("expected %s, got an answer", step.Error)
	}
	if err := match(answer, step.Expect, kept, ""); err != nil {
		return err
	}
	for name, path := range step.Save {
		kept[name] = at(answer, strings.Split(path, "."))
	}
	if step.JWT != nil {
		return verifyJWT(fmt.Sprint(at(answer, []string{"Signature"})), step.JWT, endpoint)
	}
	return nil
}

func checkError(step Step, told Told, err error) error {
	fmt.Printf("< %s: %s\n", told.Name, told.Message)
	switch {
	case step.Error == "":
		return err
	case told.Name != step.Error:
		return fmt.Errorf("expected %s, got %s: %s", step.Error, told.Name, told.Message)
	case step.IsModelled() && !told.IsTyped:
		return fmt.Errorf("%s is not of the SDK's type for it", told.Name)
	case !strings.Contains(strings.ToLower(told.Message), strings.ToLower(step.Message)):
		return fmt.Errorf("expected a message with %q, got %q", step.Message, told.Message)
	}
	return nil
}

// typed has what was saved in its place, and timestamps as text.
func typed(value any, kept saved, name string) any {
	switch value := value.(type) {
	case float64:
		if name == "Timestamp" {
			return time.Unix(int64(value), 0).UTC().Format(time.RFC3339)
		}
	case string:
		if after, found := strings.CutPrefix(value, "$"); found {
			return kept[after]
		}
	case []any:
		list := make([]any, len(value))
		for index, item := range value {
			list[index] = typed(item, kept, "")
		}
		return list
	case map[string]any:
		members := map[string]any{}
		for key, inner := range value {
			members[key] = typed(inner, kept, key)
		}
		return members
	}
	return value
}

// wire is the other way: members without a value are absent, times are epoch seconds.
func wire(value any, name string) any {
	switch value := value.(type) {
	case string:
		isTime := strings.HasSuffix(name, "Timestamp") || strings.HasSuffix(name, "Date") || strings.HasSuffix(name, "Time")
		if at, err := time.Parse(time.RFC3339Nano, value); isTime && err == nil {
			return float64(at.UnixMilli()) / 1000
		}
	case []any:
		for index, item := range value {
			value[index] = wire(item, "")
		}
	case map[string]any:
		delete(value, "ResultMetadata")
		for key, inner := range value {
			if inner == nil {
				delete(value, key)
			} else {
				value[key] = wire(inner, key)
			}
		}
	}
	return value
}

func at(value any, path []string) any {
	for _, part := range path {
		switch inner := value.(type) {
		case []any:
			index, err := strconv.Atoi(part)
			if err != nil || index >= len(inner) {
				return nil
			}
			value = inner[index]
		case map[string]any:
			value = inner[part]
		default:
			return nil
		}
	}
	return value
}

func match(got, expected any, kept saved, path string) error {
	wrong := func(what string) error {
		text, _ := json.Marshal(got)
		return fmt.Errorf("expected %s to be %s, got %s", strings.TrimPrefix(path+" of the answer", "."), what, text)
	}
	if text, isText := expected.(string); isText && strings.HasPrefix(text, "$") {
		expected = kept[text[1:]]
	}
	switch expected := expected.(type) {
	case nil:
		if got != nil && got != "" {
			return wrong("absent")
		}
	case []any:
		list, _ := got.([]any)
		if len(list) != len(expected) {
			return wrong(fmt.Sprintf("a list of %d", len(expected)))
		}
		for index, item := range expected {
			if err := match(list[index], item, kept, fmt.Sprintf("%s.%d", path, index)); err != nil {
				return err
			}
		}
	case map[string]any:
		members, _ := got.(map[string]any)
		for key, inner := range expected {
			if err := match(members[key], inner, kept, path+"."+key); err != nil {
				return err
			}
		}
	default:
		if expected == "*" {
			if got == nil || got == "" {
				return wrong("there")
			}
		} else if !reflect.DeepEqual(got, expected) {
			return wrong(fmt.Sprintf("%#v", expected))
		}
	}
	return nil
}

func verifyJWT(jwt string, claims map[string]any, endpoint string) error {
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		return errors.New("the signature is not a JWT")
	}
	var head struct {
		Alg string `json:"alg"`
	}
	if err := decode(parts[0], &head); err != nil || head.Alg != "PS256" {
		return fmt.Errorf("expected a JWT of PS256, got %q", head.Alg)
	}
	answer, err := http.Get(fmt.Sprintf("%s/keys/%v/%v.pem", endpoint, claims["productCode"], claims["publicKeyVersion"]))
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return fmt.Errorf("no public key: %s", text)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		return err
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	if err != nil {
		return err
	}
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	options := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}
	if err := rsa.VerifyPSS(key.(*rsa.PublicKey), crypto.SHA256, digest[:], signature, options); err != nil {
		return err
	}
	var told any
	if err := decode(parts[1], &told); err != nil {
		return err
	}
	return match(told, map[string]any(claims), saved{}, "jwt")
}

func decode(part string, into any) error {
	text, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

func missingOf(needs, has []string) string {
	for _, need := range needs {
		found := false
		for _, one := range has {
			found = found || one == need
		}
		if !found {
			return need
		}
	}
	return ""
}

func read(path string, into any) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, into)
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
}
