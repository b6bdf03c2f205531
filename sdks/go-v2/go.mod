module meterhouse.example/go-v2

go 1.23

require (
	github.com/aws/aws-sdk-go-v2 v1.17.1
	github.com/aws/smithy-go v1.13.4
	meterhouse.example/scenario v0.0.0
)

replace meterhouse.example/scenario => ../go

// Debian's packages golang-github-aws-aws-sdk-go-v2-dev and golang-github-aws-smithy-go-dev.
replace github.com/aws/aws-sdk-go-v2 => /usr/share/gocode/src/github.com/aws/aws-sdk-go-v2

replace github.com/aws/smithy-go => /usr/share/gocode/src/github.com/aws/smithy-go
