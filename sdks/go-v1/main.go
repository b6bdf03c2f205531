// The scenario through the AWS SDK for Go v1.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/aws/aws-sdk-go/aws"
	"github.com/aws/aws-sdk-go/aws/awserr"
	"github.com/aws/aws-sdk-go/aws/credentials"
	"github.com/aws/aws-sdk-go/aws/session"
	"github.com/aws/aws-sdk-go/service/cloudtrail"
	entitlement "github.com/aws/aws-sdk-go/service/marketplaceentitlementservice"
	"github.com/aws/aws-sdk-go/service/marketplacemetering"
	"meterhouse.example/scenario"
)

func main() {
	scenario.Run(scenario.Client{
		Name:    "AWS SDK for Go v1",
		Version: aws.SDKVersion,
		// Its last model, of July 2024, knows no account ids in records, no licences and no client tokens.
		Has: []string{
			"UsageAllocations", "ResolvedAccountId", "GetEntitlements", "LookupEvents", "noClockSkewCorrection",
		},
		Send: send,
		Tell: tell,
	})
}

func send(step scenario.Step, input []byte, endpoint string, keys scenario.Keys) (any, error) {
	started, err := session.NewSession(&aws.Config{
		Endpoint:    aws.String(endpoint),
		Region:      aws.String(step.Region),
		Credentials: credentials.NewStaticCredentials(keys.AccessKeyID, keys.SecretAccessKey, keys.SessionToken),
	})
	if err != nil {
		return nil, err
	}
	metering := marketplacemetering.New(started)
	switch step.Call {
	case "BatchMeterUsage":
		return sendBy(input, metering.BatchMeterUsage)
	case "MeterUsage":
		return sendBy(input, metering.MeterUsage)
	case "RegisterUsage":
		return sendBy(input, metering.RegisterUsage)
	case "ResolveCustomer":
		return sendBy(input, metering.ResolveCustomer)
	case "GetEntitlements":
		return sendBy(input, entitlement.New(started).GetEntitlements)
	case "LookupEvents":
		return sendBy(input, cloudtrail.New(started).LookupEvents)
	}
	return nil, fmt.Errorf("unknown call %s", step.Call)
}

func sendBy[Input, Output any](text []byte, operation func(*Input) (*Output, error)) (any, error) {
	input := new(Input)
	if err := json.Unmarshal(text, input); err != nil {
		return nil, err
	}
	output, err := operation(input)
	if err != nil {
		return nil, err
	}
	return output, nil
}

// Every exception of the model, by its type.
var modelled = []func(error) bool{
	is[*marketplacemetering.CustomerNotEntitledException], is[*marketplacemetering.DisabledApiException],
	is[*marketplacemetering.DuplicateRequestException], is[*marketplacemetering.ExpiredTokenException],
	is[*marketplacemetering.InternalServiceErrorException],
	is[*marketplacemetering.InvalidCustomerIdentifierException],
	is[*marketplacemetering.InvalidEndpointRegionException], is[*marketplacemetering.InvalidProductCodeException],
	is[*marketplacemetering.InvalidPublicKeyVersionException], is[*marketplacemetering.InvalidRegionException],
	is[*marketplacemetering.InvalidTagException], is[*marketplacemetering.InvalidTokenException],
	is[*marketplacemetering.InvalidUsageAllocationsException],
	is[*marketplacemetering.InvalidUsageDimensionException],
	is[*marketplacemetering.PlatformNotSupportedException], is[*marketplacemetering.ThrottlingException],
	is[*marketplacemetering.TimestampOutOfBoundsException],
	is[*entitlement.InvalidParameterException],
}

func is[Exception error](err error) bool {
	var exception Exception
	return errors.As(err, &exception)
}

func tell(err error) scenario.Told {
	var told awserr.Error
	if !errors.As(err, &told) {
		return scenario.Told{Name: reflect.TypeOf(err).String(), Message: err.Error()}
	}
	isTyped := false
	for _, matches := range modelled {
		isTyped = isTyped || matches(err)
	}
	return scenario.Told{Name: told.Code(), Message: told.Message(), IsTyped: isTyped}
}
