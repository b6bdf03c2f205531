"""The scenario through boto3."""

import base64
import json
import sys
import urllib.error
import urllib.request
from datetime import datetime, timezone

import boto3
import botocore
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_pem_public_key

SERVICES = {"GetEntitlements": "marketplace-entitlement", "LookupEvents": "cloudtrail"}
METERING = "meteringmarketplace"
METHODS = {
    "BatchMeterUsage": "batch_meter_usage",
    "MeterUsage": "meter_usage",
    "RegisterUsage": "register_usage",
    "ResolveCustomer": "resolve_customer",
    "GetEntitlements": "get_entitlements",
    "LookupEvents": "lookup_events",
}

with open(sys.argv[1], encoding="utf-8") as file:
    run = json.load(file)
with open(run["scenario"], encoding="utf-8") as file:
    scenario = json.load(file)


class Failure(Exception):
    """What a case expected did not come."""


def client_of(step, endpoint):
    keys = scenario["credentials"][step["credentials"]]
    return boto3.client(
        SERVICES.get(step["call"], METERING),
        endpoint_url=endpoint,
        region_name=step.get("region", run["region"]),
        aws_access_key_id=keys["accessKeyId"],
        aws_secret_access_key=keys["secretAccessKey"],
        aws_session_token=keys.get("sessionToken"),
    )


def features():
    """What this version's model can say, read from the model itself."""
    step = {"call": "BatchMeterUsage", "credentials": "seller"}
    model = client_of(step, run["endpoint"]).meta.service_model
    record = model.shape_for("UsageRecord").members
    found = {name for name in ("CustomerAWSAccountId", "LicenseArn", "UsageAllocations") if name in record}
    if "ClientToken" in model.shape_for("MeterUsageRequest").members:
        found.add("ClientToken")
    if "CustomerAWSAccountId" in model.shape_for("ResolveCustomerResult").members:
        found.add("ResolvedAccountId")
    return found | {"GetEntitlements", "LookupEvents", "noClockSkewCorrection"}


def main():
    has = features()
    passed = failed = 0
    for case in scenario["cases"]:
        missing = next((need for need in case.get("needs", []) if need not in has), None)
        if missing is not None:
            print(f"skip {case['id']}: this client has no {missing}")
            continue
        print(f"\n# {case['id']}: {case['title']}")
        try:
            run_case(case, run["skewedEndpoint"] if case.get("server") == "skewed" else run["endpoint"])
            passed += 1
            print(f"ok {case['id']}")
        except Exception as error:  # whatever a case meets is told, and the others go on
            failed += 1
            print(f"not ok {case['id']}: {error}".replace("\n", " "))
    print(f"\nclient: boto3 {boto3.__version__} (botocore {botocore.__version__})")
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 else 1


def run_case(case, endpoint):
    saved = {}
    for step in case["steps"]:
        if "control" in step:
            control(step, endpoint, saved)
        else:
            call(step, endpoint, saved)


def control(step, endpoint, saved):
    request = urllib.request.Request(
        endpoint + step["path"],
        method=step["control"],
        headers={"Authorization": f"Bearer {run['adminToken']}", "Content-Type": "application/json"},
        data=json.dumps(step["body"]).encode() if "body" in step else None,
    )
    try:
        with urllib.request.urlopen(request) as answer:
            text = answer.read().decode()
    except urllib.error.HTTPError as error:
        raise Failure(f"{step['control']} {step['path']} answered {error.code}: {error.read().decode()}") from error
    if "expect" in step:
        match(json.loads(text), step["expect"], saved, "")


def call(step, endpoint, saved):
    client = client_of(step, endpoint)
    parameters = typed(step["input"], saved)
    print(f"> {step['call']} {parameters}")
    try:
        output = getattr(client, METHODS[step["call"]])(**parameters)
    except ClientError as error:
        print(f"< {error} (attempts: {error.response['ResponseMetadata'].get('RetryAttempts', 0) + 1})")
        return expect_error(step, error, client)
    attempts = output.pop("ResponseMetadata").get("RetryAttempts", 0) + 1
    answer = wire(output)
    print(f"< {json.dumps(answer)} (attempts: {attempts})")
    if "error" in step:
        raise Failure(f"expected {step['error']}, got an answer")
    match(answer, step.get("expect", {}), saved, "")
    for name, path in step.get("save", {}).items():
        saved[name] = at(answer, path)
    if "jwt" in step:
        verify_jwt(answer["Signature"], step["jwt"], endpoint)


def expect_error(step, error, client):
    if "error" not in step:
        raise error
    code = error.response["Error"]["Code"]
    message = error.response["Error"]["Message"]
    if code != step["error"]:
        raise Failure(f"expected {step['error']}, got {code}: {message}")
    if step.get("modelled", True):
        # `except client.exceptions.X` is what a caller writes; names that the model lacks have no class.
        if not isinstance(error, getattr(client.exceptions, step["error"])):
            raise Failure(f"{code} is not of the class client.exceptions.{step['error']}")
    if step.get("message", "").lower() not in message.lower():
        raise Failure(f"expected a message with {step['message']!r}, got {message!r}")


def typed(value, saved, name=""):
    """boto3's types: datetimes for timestamps."""
    if name == "Timestamp":
        return datetime.fromtimestamp(value, tz=timezone.utc)
    if isinstance(value, str) and value.startswith("$"):
        return saved[value[1:]]
    if isinstance(value, list):
        return [typed(item, saved) for item in value]
    if isinstance(value, dict):
        return {key: typed(inner, saved, key) for key, inner in value.items()}
    return value


def wire(value):
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, list):
        return [wire(item) for item in value]
    if isinstance(value, dict):
        return {key: wire(inner) for key, inner in value.items()}
    return value


def at(value, path):
    for part in path.split("."):
        value = value[int(part)] if isinstance(value, list) else value[part]
    return value


def match(got, expected, saved, path):
    def wrong(what):
        raise Failure(f"expected {path or 'the answer'} to be {what}, got {got!r}")

    want = saved[expected[1:]] if isinstance(expected, str) and expected.startswith("$") else expected
    if want is None:
        if got is not None:
            wrong("absent")
    elif want == "*":
        if got in (None, ""):
            wrong("there")
    elif isinstance(want, list):
        if len(got or []) != len(want):
            wrong(f"a list of {len(want)}")
        for index, item in enumerate(want):
            match(got[index], item, saved, f"{path}.{index}".lstrip("."))
    elif isinstance(want, dict):
        for key, inner in want.items():
            match((got or {}).get(key), inner, saved, f"{path}.{key}".lstrip("."))
    elif got != want:
        wrong(repr(want))


def verify_jwt(jwt, claims, endpoint):
    head, payload, signature = jwt.split(".")
    if json.loads(decode(head))["alg"] != "PS256":
        raise Failure("expected a JWT of PS256")
    url = f"{endpoint}/keys/{claims['productCode']}/{claims['publicKeyVersion']}.pem"
    with urllib.request.urlopen(url) as answer:
        key = load_pem_public_key(answer.read())
    pss = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)
    key.verify(decode(signature), f"{head}.{payload}".encode(), pss, hashes.SHA256())
    match(json.loads(decode(payload)), claims, {}, "jwt")


def decode(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


sys.exit(main())
