// The scenario through the AWS SDK for Go v2.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/marketplaceentitlementservice"
	entitlement "github.com/aws/aws-sdk-go-v2/service/marketplaceentitlementservice/types"
	"github.com/aws/aws-sdk-go-v2/service/marketplacemetering"
	"github.com/aws/aws-sdk-go-v2/service/marketplacemetering/types"
	"github.com/aws/smithy-go"
	"meterhouse.example/scenario"
)

func main() {
	scenario.Run(scenario.Client{
		Name:    "AWS SDK for Go v2",
		Version: aws.SDKVersion,
		// The model of this version, of November 2022, knows no account ids in records, no licences and no client tokens.
		Has: []string{
			"UsageAllocations", "ResolvedAccountId", "GetEntitlements", "LookupEvents", "noClockSkewCorrection",
		},
		Send: send,
		Tell: tell,
	})
}

func send(step scenario.Step, input []byte, endpoint string, keys scenario.Keys) (any, error) {
	config := aws.Config{
		Region: step.Region,
		EndpointResolverWithOptions: aws.EndpointResolverWithOptionsFunc(
			func(service, region string, options ...any) (aws.Endpoint, error) {
				return aws.Endpoint{URL: endpoint, SigningRegion: region}, nil
			},
		),
		Credentials: credentials.NewStaticCredentialsProvider(keys.AccessKeyID, keys.SecretAccessKey, keys.SessionToken),
	}
	ctx := context.Background()
	metering := marketplacemetering.NewFromConfig(config)
	switch step.Call {
	case "BatchMeterUsage":
		return sendBy(ctx, input, metering.BatchMeterUsage)
	case "MeterUsage":
		return sendBy(ctx, input, metering.MeterUsage)
	case "RegisterUsage":
		return sendBy(ctx, input, metering.RegisterUsage)
	case "ResolveCustomer":
		return sendBy(ctx, input, metering.ResolveCustomer)
	case "GetEntitlements":
		return sendBy(ctx, input, marketplaceentitlementservice.NewFromConfig(config).GetEntitlements)
	case "LookupEvents":
		return sendBy(ctx, input, cloudtrail.NewFromConfig(config).LookupEvents)
	}
	return nil, fmt.Errorf("unknown call %s", step.Call)
}

func sendBy[Input, Output, Options any](
	ctx context.Context, text []byte, operation func(context.Context, *Input, ...func(*Options)) (*Output, error),
) (any, error) {
	input := new(Input)
	if err := json.Unmarshal(text, input); err != nil {
		return nil, err
	}
	output, err := operation(ctx, input)
	if err != nil {
		return nil, err
	}
	return output, nil
}

// Every exception of the model, by its type.
var modelled = []func(error) bool{
	is[*types.CustomerNotEntitledException], is[*types.DisabledApiException], is[*types.DuplicateRequestException],
	is[*types.ExpiredTokenException], is[*types.InternalServiceErrorException],
	is[*types.InvalidCustomerIdentifierException], is[*types.InvalidEndpointRegionException],
	is[*types.InvalidProductCodeException],
	is[*types.InvalidPublicKeyVersionException], is[*types.InvalidRegionException], is[*types.InvalidTagException],
	is[*types.InvalidTokenException], is[*types.InvalidUsageAllocationsException],
	is[*types.InvalidUsageDimensionException], is[*types.PlatformNotSupportedException],
	is[*types.ThrottlingException], is[*types.TimestampOutOfBoundsException],
	is[*entitlement.InvalidParameterException],
}

func is[Exception error](err error) bool {
	var exception Exception
	return errors.As(err, &exception)
}

func tell(err error) scenario.Told {
	var told smithy.APIError
	if !errors.As(err, &told) {
		return scenario.Told{Name: reflect.TypeOf(err).String(), Message: err.Error()}
	}
	isTyped := false
	for _, matches := range modelled {
		isTyped = isTyped || matches(err)
	}
	return scenario.Told{Name: told.ErrorCode(), Message: told.ErrorMessage(), IsTyped: isTyped}
}
