// A stand-in for Terraform's AWS provider: it knows the schemas of the real one and nothing else.
//
// `terraform validate` and `terraform test` with mock_provider ask a provider for its schemas only, so both run where the
// real plugin cannot be installed. Everything that would need an account fails: this program has no code for it. What
// `rehull adopt` needs to be tested, import, read and change of objects in a file, is in objects.go.
//
// Terraform starts it; tools/terraform.sh builds and installs it.
//
// The schemas come from REHULL_AWS_SCHEMA (what provider 5.100 prints) and REHULL_AWS_SCHEMA_LATER (what has
// changed since).
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5/tf5server"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

type attribute struct {
	Type                                                json.RawMessage
	Required, Optional, Computed, Sensitive, Deprecated bool
}

type block struct {
	Attributes map[string]*attribute
	BlockTypes map[string]*nested `json:"block_types"`
}

type nested struct {
	Block    block
	Nesting  string `json:"nesting_mode"`
	MinItems int64  `json:"min_items"`
	MaxItems int64  `json:"max_items"`
}

type released struct {
	Configuration block
	Resources     map[string]*block
	DataSources   map[string]*block `json:"data_sources"`
}

type change struct {
	Path      string
	Attribute *attribute
	Removed   bool
}

type later struct {
	Changes []change
}

func main() {
	schemas, err := load(os.Getenv("REHULL_AWS_SCHEMA"), os.Getenv("REHULL_AWS_SCHEMA_LATER"))
	if err == nil {
		err = tf5server.Serve("registry.terraform.io/hashicorp/aws", func() tfprotov5.ProviderServer {
			return server{schemas: schemas, objects: worldOf(os.Getenv("REHULL_AWS_OBJECTS"))}
		})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "schema-provider:", err)
		os.Exit(1)
	}
}

// load reads both files and makes the schemas of the last major that the modules take of them.
func load(releasedPath, laterPath string) (*tfprotov5.GetProviderSchemaResponse, error) {
	var old released
	var new later
	for path, into := range map[string]any{releasedPath: &old, laterPath: &new} {
		text, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		if err := json.Unmarshal(text, into); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	for _, change := range new.Changes {
		if err := old.apply(change); err != nil {
			return nil, err
		}
	}
	answer := &tfprotov5.GetProviderSchemaResponse{
		ServerCapabilities: &tfprotov5.ServerCapabilities{GetProviderSchemaOptional: true},
		ResourceSchemas:    map[string]*tfprotov5.Schema{},
		DataSourceSchemas:  map[string]*tfprotov5.Schema{},
	}
	provider, err := old.Configuration.convert()
	if err != nil {
		return nil, err
	}
	answer.Provider = &tfprotov5.Schema{Block: provider}
	for kind, from := range map[*map[string]*tfprotov5.Schema]map[string]*block{
		&answer.ResourceSchemas: old.Resources, &answer.DataSourceSchemas: old.DataSources,
	} {
		for name, schema := range from {
			converted, err := schema.convert()
			if err != nil {
				return nil, fmt.Errorf("%s: %w", name, err)
			}
			(*kind)[name] = &tfprotov5.Schema{Block: converted}
		}
	}
	return answer, nil
}

// apply changes what "aws_x.block.attribute" or "data.aws_x.attribute" names.
func (old released) apply(change change) error {
	steps := strings.Split(change.Path, ".")
	at := old.Resources
	if steps[0] == "data" {
		at, steps = old.DataSources, steps[1:]
	}
	within := at[steps[0]]
	last := steps[len(steps)-1]
	for _, step := range steps[1 : len(steps)-1] {
		if within == nil || within.BlockTypes[step] == nil {
			within = nil
			break
		}
		within = &within.BlockTypes[step].Block
	}
	if within == nil {
		return fmt.Errorf("the later change `%s` names nothing", change.Path)
	}
	switch {
	case change.Removed:
		delete(within.Attributes, last)
		delete(within.BlockTypes, last)
	case change.Attribute != nil:
		within.Attributes[last] = change.Attribute
	}
	return nil
}

var nestings = map[string]tfprotov5.SchemaNestedBlockNestingMode{
	"list":   tfprotov5.SchemaNestedBlockNestingModeList,
	"set":    tfprotov5.SchemaNestedBlockNestingModeSet,
	"single": tfprotov5.SchemaNestedBlockNestingModeSingle,
}

func (b *block) convert() (*tfprotov5.SchemaBlock, error) {
	out := &tfprotov5.SchemaBlock{}
	for name, a := range b.Attributes {
		kind, err := tftypes.ParseJSONType(a.Type)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		out.Attributes = append(out.Attributes, &tfprotov5.SchemaAttribute{
			Name: name, Type: kind, Required: a.Required, Optional: a.Optional, Computed: a.Computed,
			Sensitive: a.Sensitive, Deprecated: a.Deprecated,
		})
	}
	for name, nested := range b.BlockTypes {
		inner, err := nested.Block.convert()
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		mode, known := nestings[nested.Nesting]
		if !known {
			return nil, fmt.Errorf("%s: nesting mode `%s`", name, nested.Nesting)
		}
		out.BlockTypes = append(out.BlockTypes, &tfprotov5.SchemaNestedBlock{
			TypeName: name, Block: inner, Nesting: mode, MinItems: nested.MinItems, MaxItems: nested.MaxItems,
		})
	}
	return out, nil
}

// server answers what a schema can answer. The embedded interface is empty on purpose: any other request ends the program.
type server struct {
	tfprotov5.ProviderServer
	schemas *tfprotov5.GetProviderSchemaResponse
	objects *objects
}

func (s server) GetMetadata(context.Context, *tfprotov5.GetMetadataRequest) (*tfprotov5.GetMetadataResponse, error) {
	answer := &tfprotov5.GetMetadataResponse{ServerCapabilities: s.schemas.ServerCapabilities}
	for name := range s.schemas.ResourceSchemas {
		answer.Resources = append(answer.Resources, tfprotov5.ResourceMetadata{TypeName: name})
	}
	for name := range s.schemas.DataSourceSchemas {
		answer.DataSources = append(answer.DataSources, tfprotov5.DataSourceMetadata{TypeName: name})
	}
	return answer, nil
}

func (s server) GetProviderSchema(context.Context, *tfprotov5.GetProviderSchemaRequest) (*tfprotov5.GetProviderSchemaResponse, error) {
	return s.schemas, nil
}

func (s server) GetResourceIdentitySchemas(context.Context, *tfprotov5.GetResourceIdentitySchemasRequest) (*tfprotov5.GetResourceIdentitySchemasResponse, error) {
	return &tfprotov5.GetResourceIdentitySchemasResponse{}, nil
}

func (s server) PrepareProviderConfig(_ context.Context, ask *tfprotov5.PrepareProviderConfigRequest) (*tfprotov5.PrepareProviderConfigResponse, error) {
	return &tfprotov5.PrepareProviderConfigResponse{PreparedConfig: ask.Config}, nil
}

func (s server) ValidateResourceTypeConfig(context.Context, *tfprotov5.ValidateResourceTypeConfigRequest) (*tfprotov5.ValidateResourceTypeConfigResponse, error) {
	return &tfprotov5.ValidateResourceTypeConfigResponse{}, nil
}

func (s server) ValidateDataSourceConfig(context.Context, *tfprotov5.ValidateDataSourceConfigRequest) (*tfprotov5.ValidateDataSourceConfigResponse, error) {
	return &tfprotov5.ValidateDataSourceConfigResponse{}, nil
}

func (s server) StopProvider(context.Context, *tfprotov5.StopProviderRequest) (*tfprotov5.StopProviderResponse, error) {
	return &tfprotov5.StopProviderResponse{}, nil
}
