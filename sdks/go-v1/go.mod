module meterhouse.example/go-v1

go 1.23

require (
	github.com/aws/aws-sdk-go v1.55.8
	meterhouse.example/scenario v0.0.0
)

require github.com/jmespath/go-jmespath v0.4.0 // indirect

replace meterhouse.example/scenario => ../go
